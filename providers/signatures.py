"""How a request proves who sent it: each scheme once, pure, over raw bytes and headers.

A scheme says whether a request carries its proof (:meth:`Scheme.carried`) and checks it against one secret
(:meth:`Scheme.check`), which returns None or raises :class:`SignatureError` with the true reason. That reason is for our
log alone: the sender gets one answer for all. Compared are bytes, so that a non-ASCII header is only wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from providers.payload import parse_time
from providers.strict_json import ENVELOPE_VALUES, MAX_VALUES, load_json

TOLERANCE_S = 300
"""How far, either way, a timestamp that is part of a proof may be from our clock."""


@dataclass(frozen=True)
class InboundRequest:
    """One request of a provider, as received. The same is built from a live request, a stored row, a fixture, a sample.

    ``headers`` have lower-case names. ``path`` is what follows the registered base URL (``""``, or Talabat's
    ``order/AMM-1``), so it says the same wherever the base is.
    """

    body: bytes
    headers: Mapping[str, str]
    path: str = ""
    method: str = "POST"
    is_envelope: bool = False

    @cached_property
    def document(self) -> tuple[Any, dict[str, str]]:
        """The body as JSON with its faults (``payload.load_json``), read once however many look at it; never changed."""
        return load_json(self.body, MAX_VALUES + ENVELOPE_VALUES * self.is_envelope)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


class SignatureError(Exception):
    """The request does not prove who sent it. ``reason`` is a stable word for our own log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Scheme(Protocol):
    @property
    def secret(self) -> str:
        """The credential field that holds this scheme's secret."""

    def carried(self, request: InboundRequest) -> bool:
        """Tell whether the request carries a proof of this scheme, complete or not."""

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        """Return if the proof holds for this secret; raise SignatureError if not."""

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        """Return the headers with which a sender proves itself: samples, the sandbox and the hub send them."""


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def _digest(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def check_time(text: str, now: datetime) -> None:
    """Raise SignatureError unless ``text`` is a time within the tolerance of ``now``."""
    moment = parse_time(text.strip())
    if moment is None:
        raise SignatureError("missing_timestamp" if not text.strip() else "malformed_timestamp")
    if abs(now - moment) > timedelta(seconds=TOLERANCE_S):
        raise SignatureError("timestamp_outside_tolerance")


def _body_field(request: InboundRequest, name: str) -> str:
    document, _ = request.document
    value = document.get(name) if isinstance(document, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


@dataclass(frozen=True, slots=True)
class HexSignature:
    """Hex HMAC-SHA256 over the raw body; with a timestamp header, over ``<timestamp>.<raw body>`` and within tolerance."""

    header: str
    secret: str
    timestamp_header: str
    timestamp_required: bool = False
    id_header: str = ""
    """A header that has to be there as well."""

    def carried(self, request: InboundRequest) -> bool:
        return self.header.lower() in request.headers

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        message = request.body
        if self.timestamp_required or self.timestamp_header.lower() in request.headers:
            timestamp = request.header(self.timestamp_header)
            check_time(timestamp, now)
            message = timestamp.encode("utf-8", "surrogatepass") + b"." + request.body
        if self.id_header and not request.header(self.id_header).strip():
            raise SignatureError("missing_delivery_id")
        given = request.header(self.header).strip()
        given = given[7:] if given[:7].lower() == "sha256=" else given
        if not _equal(given.lower(), _digest(secret, message).hex()):
            raise SignatureError("wrong_signature")

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        timestamp = str(int(now.timestamp()))
        headers = {
            self.header: _digest(secret, timestamp.encode() + b"." + body).hex(),
            self.timestamp_header: timestamp,
        }
        return headers | ({self.id_header: delivery_id} if self.id_header else {})


@dataclass(frozen=True, slots=True)
class StaticKey:
    """A header that equals the secret; with ``timestamp_header``, a time must be present there or in the body as well."""

    header: str
    secret: str
    timestamp_header: str = ""

    def carried(self, request: InboundRequest) -> bool:
        return self.header.lower() in request.headers

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        if not _equal(request.header(self.header).strip(), secret):
            raise SignatureError("wrong_key")
        if self.timestamp_header:
            check_time(request.header(self.timestamp_header) or _body_field(request, "timestamp"), now)

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        headers = {self.header: secret}
        return headers | ({self.timestamp_header: str(int(now.timestamp()))} if self.timestamp_header else {})


def _bearer(request: InboundRequest) -> str:
    scheme, _, value = request.header("authorization").strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """``Authorization: Bearer`` that equals the secret; a request id must be there as well, in a header or in the body.

    Bodies that carry one of ``native_fields`` are a provider's own, which may come without a request id.
    """

    secret: str
    request_id_header: str
    request_id_field: str
    native_fields: tuple[str, ...] = ()

    def carried(self, request: InboundRequest) -> bool:
        return "authorization" in request.headers

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        if not _equal(_bearer(request), secret):
            raise SignatureError("wrong_token")
        if not self.request_id(request) and not any(_body_field(request, name) for name in self.native_fields):
            raise SignatureError("missing_delivery_id")

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        return {"authorization": f"Bearer {secret}", self.request_id_header: delivery_id}

    def request_id(self, request: InboundRequest) -> str:
        """Return the provider's id of this delivery, from the header, else from the body; ``""`` where there is none."""
        return request.header(self.request_id_header).strip() or _body_field(request, self.request_id_field).strip()


@dataclass(frozen=True, slots=True)
class JsonWebToken:
    """``Authorization: Bearer`` with a JWT: HS256 or HS512 only, claim ``service`` = ``middleware``, ``exp`` honoured.

    Source: Delivery Hero POS plugin API, "Authentication"; the secret is used as UTF-8 bytes.
    """

    secret: str
    claims: tuple[tuple[str, str], ...] = (("service", "middleware"),)

    def carried(self, request: InboundRequest) -> bool:
        return "authorization" in request.headers

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        # With the first token: it brings most of the package for cryptography, which nothing else here needs.
        import jwt

        # The library compares exp and nbf with its own clock; ours is the caller's, so they are checked below.
        options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims = jwt.decode(_bearer(request), secret.encode(), algorithms=["HS256", "HS512"], options=options)
        except (jwt.PyJWTError, UnicodeError, ValueError, TypeError) as error:
            raise SignatureError("wrong_token") from error
        for name, expected in self.claims:
            if claims.get(name) != expected:
                raise SignatureError("wrong_claim")
        expiry = claims.get("exp")
        if expiry is not None and (
            isinstance(expiry, bool) or not isinstance(expiry, (int, float)) or now.timestamp() >= expiry
        ):
            raise SignatureError("expired_token")
        not_before = claims.get("nbf")
        if not_before is not None and (
            isinstance(not_before, bool)
            or not isinstance(not_before, (int, float))
            or now.timestamp() + TOLERANCE_S < not_before
        ):
            raise SignatureError("token_not_yet_valid")

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        import jwt

        token = jwt.encode(dict(self.claims), secret.encode(), algorithm="HS512")
        return {"authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class DeliverooSignature:
    """HMAC-SHA256 as Deliveroo signs: base64 over the body (hub), hex over ``guid + " " + body`` or the legacy form.

    With a GUID header the proof is native, and only the two hex forms count. Source: api-docs.deliveroo.com,
    "Securing webhooks".
    """

    secret: str = "webhookSecret"  # noqa: S105 — the name of a field
    header: str = "x-deliveroo-hmac-sha256"
    guid_header: str = "x-deliveroo-sequence-guid"

    def carried(self, request: InboundRequest) -> bool:
        return self.header in request.headers

    def check(self, request: InboundRequest, secret: str, now: datetime) -> None:
        given = request.header(self.header).strip()
        if self.guid_header in request.headers:
            guid = request.header(self.guid_header).encode("utf-8", "surrogatepass")
            native = _digest(secret, guid + b" " + request.body).hex()
            legacy = _digest(secret, guid + b" \n " + request.body).hex()
            # Both are always compared, so that the time does not tell which one nearly held.
            matches = [_equal(given.lower(), native), _equal(given.lower(), legacy)]
        else:
            matches = [_equal(given, base64.b64encode(_digest(secret, request.body)).decode())]
        if not any(matches):
            raise SignatureError("wrong_signature")

    def sign(self, body: bytes, secret: str, now: datetime, delivery_id: str) -> dict[str, str]:
        """Sign natively, with a GUID; :meth:`sign_hub` signs as the hub does."""
        return {
            self.guid_header: delivery_id,
            self.header: _digest(secret, delivery_id.encode() + b" " + body).hex(),
        }

    def sign_hub(self, body: bytes, secret: str) -> dict[str, str]:
        return {self.header: base64.b64encode(_digest(secret, body)).decode()}


NEXARA = HexSignature(
    header="x-nexara-signature",
    secret="nexara.secretKey",  # noqa: S106 — the name of a field
    timestamp_header="x-timestamp",
    timestamp_required=True,
    id_header="x-webhook-id",
)
"""The hub's own signature. Its secret comes from the registration, not from the provider's credential."""

Secrets = Mapping[str, Sequence[str]]
"""The values valid now of each secret by field name: two while one is being rotated."""


_NOBODYS = "nobody has this: it is checked where no secret is set, so that refusing takes the same time"


def verify_request(schemes: Sequence[Scheme], request: InboundRequest, secrets: Secrets, now: datetime) -> str:
    """Return the name of the secret that proved the request; raise SignatureError where none did.

    One complete valid proof of a scheme whose secret is set is needed, and any further known proof that the request
    carries must hold too. An empty secret never matches. Schemes that read the same header are alternatives.
    """
    proven = ""
    failure = SignatureError("no_proof")
    by_header: dict[str, list[Scheme]] = {}
    for scheme in schemes:
        if scheme.carried(request):
            by_header.setdefault(getattr(scheme, "header", "authorization").lower(), []).append(scheme)
    refused = False
    for alternatives in by_header.values():
        held = False
        for scheme in alternatives:
            values = [value for value in secrets.get(scheme.secret, ()) if value]
            holds = False
            for value in values or [_NOBODYS]:
                try:
                    scheme.check(request, value, now)
                except SignatureError as error:
                    failure = error
                else:
                    holds = bool(values)
            if not values:
                failure = SignatureError("no_secret_set")
            elif holds:
                held, proven = True, proven or scheme.secret
        refused = refused or not held
    if refused or not proven:
        raise failure
    return proven
