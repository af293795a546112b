"""The hub's role (``ROLE=hub``): takes what providers send, forwards it to whoever registered, and hands answers on."""

from django.conf import settings


def is_hub() -> bool:
    """Tell whether this installation is the hub."""
    return bool(settings.ROLE == "hub")
