"""The four providers, played by this process: their APIs under ``/sandbox/``, and what they send afterwards.

For trying and for tests only. It exists while ``SANDBOX_ENABLED`` is set, and is not there at all otherwise.
"""
