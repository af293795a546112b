"""What starts and watches the production processes on a machine of their own."""


class StartError(Exception):
    """Nothing was started; the message is one sentence for a person."""
