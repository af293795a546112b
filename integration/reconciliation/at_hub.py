"""The hub's log of what it forwards to us, asked for with the proof by which the platform registered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.http import urlencode

from integration import breaker, inbox, nexara
from integration.models import CircuitBreaker, WebhookLog
from integration.models.credential import NEXARA
from integration.models.webhook import RECONCILIATION
from integration.outbound import SendError
from integration.reconciliation.source import GRACE, GoneError, Listed, Reading, SourceError, Told, TooFreshError
from orders.models import Company
from orders.times import iso_time
from providers.base import InboundRequest
from providers.events import Kind
from providers.listing import Window
from providers.payload import MAX_ID_LENGTH, parse_time
from providers.registry import ADAPTERS

PAGE, MAX_PAGES = 200, 50
LOGS = "/api/webhooks/logs"


class HubSource:
    """What the hub took for one company and forwards to us. Its log tells no amounts."""

    name = NEXARA
    reach = timedelta(hours=24)
    names_every_status = True

    def __init__(self, company: Company) -> None:
        self.company = company

    def read(self, window: Window) -> Reading:
        """Read the log's creations of a window, page by page. Raises SourceError."""
        asked = {
            "eventType": Kind.CREATED.value,
            "since": iso_time(window.since) or "",
            "until": iso_time(window.until) or "",
            "limit": str(PAGE),
        }
        path = f"{LOGS}?{urlencode(asked)}"
        found: dict[tuple[str, str], Listed] = {}
        for _ in range(MAX_PAGES):
            document = self._page(path)
            for listed in _creations(document):
                found.setdefault((listed.provider, listed.external_id), listed)
            following = document.get("next")
            if not isinstance(following, str) or not following:
                return Reading(tuple(found.values()), window.since)
            # Only its query: where the hub is, we know ourselves.
            path = f"{LOGS}?{urlsplit(following).query}"
        raise SourceError("The hub's log does not end.")

    def take(self, listed: Listed, now: datetime) -> WebhookLog:
        """Ask for the envelope as it was to be forwarded, and take it under its own id: should it come late, it is known."""
        if listed.placed_at is not None and listed.placed_at > now - GRACE:
            raise TooFreshError
        if not listed.handle:
            raise GoneError("The hub's log names no forward of it.")
        try:
            answer = nexara.fetch(self.company, f"/api/webhooks/forwards/{listed.handle}")
        except SendError as error:
            raise SourceError(error.message) from None
        if answer.status in (404, 405, 410):
            raise GoneError("The hub does not hand out what it forwarded.")
        if not answer.is_success or answer.is_cut:
            raise SourceError(f"NEXARA answered {answer.status}.")
        request = InboundRequest(
            body=answer.body, headers={"content-type": "application/json"}, method="GET", is_envelope=True
        )
        recorded = inbox.record(
            self.company, listed.provider, None, request, proof=RECONCILIATION, received_at=timezone.now(),
            is_envelope=True, key=f"hub:{listed.handle}",
        )  # fmt: skip
        if recorded.is_new and recorded.log.claim_token is not None:
            inbox.process(recorded.log, request)
        return recorded.log

    def tell(self, listed: Listed) -> Told | None:
        """Return nothing: an envelope is fetched for an order that is missing, and for no other."""
        return None

    def _page(self, path: str) -> dict[str, Any]:
        if breaker.state_of(self.company.id, NEXARA) == CircuitBreaker.State.OPEN:
            raise SourceError("NEXARA cannot be reached now; calls wait.")
        try:
            document: dict[str, Any] = nexara.read(self.company, path)
        except SendError as error:
            raise SourceError(error.message) from None
        if not isinstance(document.get("results"), list):
            raise SourceError("NEXARA's log cannot be read.")
        return document


def _creations(document: dict[str, Any]) -> Iterator[Listed]:
    """Yield the orders of a page that the hub forwards; rows that name none of ours are passed over."""
    for row in document["results"]:
        if not isinstance(row, dict) or row.get("provider") not in ADAPTERS:
            continue
        external_id, forwards = row.get("externalOrderId"), row.get("forwards")
        if not isinstance(external_id, str) or not external_id or not external_id.isprintable():
            continue
        if forwards == [] or len(external_id) > MAX_ID_LENGTH:
            continue  # what the hub itself does not forward nobody misses here
        yield Listed(
            provider=row["provider"],
            external_id=external_id,
            handle=_first_id(forwards if isinstance(forwards, list) else ()),
            placed_at=parse_time(str(row.get("receivedAt") or "")),
        )


def _first_id(forwards: Iterable[Any]) -> str:
    ids = (each.get("id") for each in forwards if isinstance(each, dict))
    return next((each for each in ids if isinstance(each, str) and each.replace("-", "").isalnum()), "")
