"""The certificate of our own address, as others see it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import UTC, datetime

from integration.addresses import resolve

TIMEOUT_S = 3.0


def certificate_end(host: str, port: int) -> datetime:
    """Return when the certificate of a host ends; its chain and its host are verified first.

    Raises AddressError where the rules of ``OUTBOUND_ALLOWED_ORIGINS`` keep us from dialling it, and OSError, of which
    ``ssl.SSLCertVerificationError``, a certificate that is not valid, is one.
    """
    context = ssl.create_default_context()
    (address, *_) = resolve(host, port, scheme="https")
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((address, port), timeout=TIMEOUT_S))
        secured = stack.enter_context(context.wrap_socket(plain, server_hostname=host))
        found = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
