"""The client of the NEXARA hub: register, health, and the status of an order."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from integration import outbound
from integration.models import IntegrationWebhook, OutboundPush, ProviderCredential
from integration.models.credential import NEXARA
from integration.outbound import SendError, Sent
from orders.models import Company
from orders.times import iso_time
from providers.outbound import OutboundAnswer, OutboundRequest, json_request

ATTEMPT_TOTAL_S = 25.0
"""The quick tries of one attempt together: a worker must be done before its claim runs out."""
HEALTH_TOTAL_S = 4.5
PAUSE_S = 0.2


def keys_of(company: Company, provider: str) -> list[str]:
    """Return the keys by which the hub may know us: the one that it gave for the provider, then the company's own.

    After a rotation the former one follows for as long as it holds: the hub hears of a new key by a registration alone.
    """
    row = IntegrationWebhook.objects.filter(company=company, provider=provider).first()
    given = str(row.secrets.get("secretKey", "")) if row else ""
    credential = ProviderCredential.objects.filter(company=company, provider=NEXARA).first()
    own = credential.valid_values("secretKey", timezone.now()) if credential else ()
    return list(dict.fromkeys(key for key in (given, *own) if key))


def sync_requests(push: OutboundPush, keys: Sequence[str]) -> list[OutboundRequest]:
    """Return the request that tells the hub an order's status, as the contract names it: once for each key, else unsigned.

    ``reason`` and ``prepMinutes`` stand in it where a person named them, for a hub that hands them on.
    """
    order = push.order
    document: dict[str, Any] = {
        "orderId": str(order.id),
        "externalOrderId": order.external_id,
        "provider": order.provider,
        "status": push.action,
        "timestamp": iso_time(push.occurred_at),
        "companyId": str(order.company_id),
    }
    if push.reason:
        document["reason"] = push.reason
    if push.prep_minutes is not None:
        document["prepMinutes"] = push.prep_minutes
    request = json_request("POST", f"{settings.NEXARA_BASE_URL}/api/orders/sync", document)
    return [_proved(request, key) for key in keys or [""]]


def register_request(
    company: Company, provider: str, url: str, events: list[str], secret: str, signer: str = ""
) -> OutboundRequest:
    """Return the request that registers a provider's webhook; ``hides_body``: it holds the company's key.

    ``signer`` is the key that proves us where that is not ``secret`` itself: the hub may not know a new one yet.
    """
    document: dict[str, Any] = {"clientId": str(company.id), "provider": provider, "url": url, "events": events}
    if secret:
        document["secretKey"] = secret
    return _proved(
        json_request("POST", f"{settings.NEXARA_BASE_URL}/api/webhooks/register", document, hides_body=True),
        signer or secret,
    )


def reading_requests(company: Company, path: str) -> list[OutboundRequest]:
    """Return the request that reads what the hub keeps of a company: once for each key by which it may know us."""
    registered = IntegrationWebhook.objects.filter(company=company).values_list("provider", flat=True)
    keys = dict.fromkeys(key for provider in ("", *registered) for key in keys_of(company, provider))
    headers = {"X-Company-Id": str(company.id)}
    request = OutboundRequest(method="GET", url=f"{settings.NEXARA_BASE_URL}{path}", headers=headers)
    return [_proved(request, key) for key in keys or [""]]


def fetch(company: Company, path: str) -> OutboundAnswer:
    """Ask the hub for what it keeps of a company: once for each proof, within five seconds. Raises SendError."""
    until = time.monotonic() + HEALTH_TOTAL_S
    for request in reading_requests(company, path):
        left_s = max(0.5, until - time.monotonic())
        answer = outbound.send(request, peer=NEXARA, timeout_s=left_s, total_s=left_s).answer
        if answer.status != 401:
            break
    return answer


def read(company: Company, path: str) -> Any:
    """Read a JSON document that the hub keeps of a company. Raises SendError."""
    answer = fetch(company, path)
    if not answer.is_success:
        raise SendError("refused", f"NEXARA answered {answer.status}.", is_passing=answer.status >= 500)
    document = answer.document()
    if not isinstance(document, dict):
        raise SendError("unreadable", "NEXARA's answer is not JSON.", is_passing=False)
    return document


def _proved(request: OutboundRequest, secret: str) -> OutboundRequest:
    """Add our key where the deployer set one, and the company's signature in the form in which the hub signs to us."""
    headers = {}
    if settings.NEXARA_API_KEY:
        headers["Authorization"] = f"Bearer {settings.NEXARA_API_KEY}"
    if secret:
        stamp = str(int(time.time()))
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        headers |= {"X-Timestamp": stamp, "X-Nexara-Signature": digest}
    return request.with_headers(headers, secret=["authorization", "x-nexara-signature"])


def call(request: OutboundRequest, *, idempotency_key: str = "") -> Sent:
    """Call the hub; try again at once after a passing failure, ``NEXARA_MAX_RETRIES`` times in all. Raises SendError.

    All tries together end within 25 s, however long NEXARA_TIMEOUT is.
    """
    until = time.monotonic() + ATTEMPT_TOTAL_S
    timeout_s = settings.NEXARA_TIMEOUT_MS / 1000
    tries = max(1, settings.NEXARA_MAX_RETRIES)
    for number in range(1, tries + 1):
        left_s = max(0.5, until - time.monotonic())
        is_last = number == tries or left_s < 2
        try:
            sent = outbound.send(
                request,
                peer=NEXARA,
                idempotency_key=idempotency_key,
                timeout_s=min(timeout_s, left_s),
                total_s=left_s,
            )
        except SendError as error:
            if is_last or not error.is_passing:
                raise
        else:
            if is_last or sent.answer.status < 500:
                return sent
        time.sleep(PAUSE_S * number)
    raise AssertionError("the last try returns or raises")


def call_with_any(requests: Sequence[OutboundRequest], *, idempotency_key: str = "") -> tuple[OutboundRequest, Sent]:
    """Call the hub, with the next proof where one is refused; return the request that was answered. Raises SendError."""
    for request in requests:
        sent = call(request, idempotency_key=idempotency_key)
        if sent.answer.status != 401:
            break
    return request, sent


@dataclass(frozen=True, slots=True)
class Health:
    """How the hub is. ``error`` is None when it is well."""

    status: str
    latency_ms: float | None
    error: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "latencyMs": self.latency_ms,
            "checkedAt": iso_time(timezone.now()),
            "error": self.error,
        }


def check_health() -> Health:
    """Ask the hub how it is, once, within five seconds. Never raises: a hub that does not answer is ``unhealthy``.

    It is ``degraded`` when it answers otherwise than well, or says that one of its services is not well.
    """
    request = OutboundRequest(method="GET", url=f"{settings.NEXARA_BASE_URL}/api/health")
    try:
        sent = outbound.send(request, peer=NEXARA, timeout_s=HEALTH_TOTAL_S, total_s=HEALTH_TOTAL_S)
    except SendError as error:
        return Health("unhealthy", None, error.message)
    answer, document = sent.answer, sent.answer.document()
    if not answer.is_success:
        return Health("unhealthy", sent.duration_ms, f"NEXARA answered {answer.status}.")
    if not isinstance(document, dict):
        return Health("degraded", sent.duration_ms, "NEXARA's answer is not JSON.")
    if document.get("status") != "ok":
        return Health("degraded", sent.duration_ms, "NEXARA says that it is not well.")
    services = document.get("services")
    unwell = (
        sorted(name for name, state in services.items() if not _is_well(state)) if isinstance(services, dict) else []
    )
    if unwell:
        return Health("degraded", sent.duration_ms, f"Not well at NEXARA: {', '.join(map(str, unwell))[:200]}.")
    return Health("healthy", sent.duration_ms, None)


def _is_well(state: Any) -> bool:
    state = state.get("status") if isinstance(state, dict) else state
    return state is True or (isinstance(state, str) and state.lower() in {"ok", "up", "healthy", "connected", "none"})
