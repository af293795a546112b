"""What of a request may be kept in the clear."""

from __future__ import annotations

import re
from collections.abc import Mapping

from providers.registry import ADAPTERS
from providers.signatures import NEXARA

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"auth|cookie|token|secret|password|api-?key|signature|hmac|credential")
_PROOFS = frozenset(
    getattr(scheme, "header", "authorization").lower()
    for schemes in (*(adapter.schemes for adapter in ADAPTERS.values()), (NEXARA,))
    for scheme in schemes
)
MAX_HEADERS = 64
MAX_VALUE = 1_000


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a request's headers with every proof and every secret replaced; long ones cut, NUL and surrogates gone."""
    return {
        _clean(name)[:100]: REDACTED if name in _PROOFS or _SECRET_NAME.search(name) else _clean(value)[:MAX_VALUE]
        for name, value in list(headers.items())[:MAX_HEADERS]
    }


def _clean(text: str) -> str:
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
