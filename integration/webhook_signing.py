"""The signature of the Standard Webhooks specification, for what we send.

https://www.standardwebhooks.com: ``webhook-signature`` is ``v1,`` and the base64 of HMAC-SHA256 over
``<webhook-id>.<webhook-timestamp>.<body>``, once for each secret that holds, with a space between.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


def new_secret() -> str:
    """Return a new signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """Return the key of a secret. Raises ValueError for anything but ``whsec_`` and the base64 of 24 to 64 bytes."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"expected {PREFIX} and base64")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"expected {PREFIX} and base64") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"expected {LEAST_BYTES} to {MOST_BYTES} bytes behind {PREFIX}")
    return key


def signed_headers(message_id: str, timestamp: int, body: bytes, signing_secrets: tuple[str, ...]) -> dict[str, str]:
    """Return the three headers of a message; ``timestamp`` in Unix seconds. Raises ValueError for a bad secret."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.new(key_of(secret), content, hashlib.sha256).digest()).decode()
        for secret in signing_secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
