"""A provider's own list of orders, asked for with the company's credential.

It heeds the breaker and does not move it: a report that fails must not keep the kitchen's answers back.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext_noop

from integration import breaker, inbox, outbound
from integration.models import CircuitBreaker, WebhookLog
from integration.models.webhook import RECONCILIATION
from integration.outbound import SendError
from integration.reconciliation.source import GRACE, GoneError, Listed, Reading, SourceError, Told, TooFreshError
from integration.tokens import ProviderAccess, get_token
from orders.models import BranchStore, Company
from providers.base import InboundRequest, ProviderAdapter
from providers.events import OrderSnapshot
from providers.listing import ListingError, OrderListing, Window
from providers.outbound import OutboundAnswer, OutboundRequest, judge_status
from providers.payload import PayloadError
from providers.registry import get_adapter

MAX_PAGES = 50
MOST_STORES = 50
SHORT_LIST = 10
"""A list shorter than this is no page that was cut."""
GONE = (404, 410)


class ProviderSource:
    """The list of one provider for one company."""

    def __init__(self, access: ProviderAccess, listing: OrderListing) -> None:
        self.name, self.company, self.access, self.listing = access.provider, access.company, access, listing
        self.reach: timedelta = listing.reach
        self.names_every_status = listing.names_every_status
        self.adapter: ProviderAdapter = get_adapter(access.provider)
        stores = BranchStore.objects.filter(branch__company=access.company, provider=access.provider).order_by("pk")
        self.stores = list(stores.values_list("store_id", flat=True)[:MOST_STORES])
        self._store_of: dict[str, str] = {}

    def read(self, window: Window) -> Reading:
        """Ask each branch's list, page by page. Raises SourceError."""
        found: dict[str, Listed] = {}
        since = window.since
        for store_id in self.stores or [""]:
            listed: list[Listed] = []
            for question in self.listing.questions(window, self.access.api, store_id):
                listed += self._pages(question)
            for each in listed:
                # The last word of several counts: of two lists, the one of what was called off.
                found[each.external_id] = _merged(found.get(each.external_id), each)
                self._store_of[each.external_id] = store_id
            if not self.listing.is_bounded:
                since = max(since, _reach(listed, window.since))
        return Reading(tuple(found.values()), since)

    def _pages(self, question: OutboundRequest) -> list[Listed]:
        listed: list[Listed] = []
        following: OutboundRequest | None = question
        for _ in range(MAX_PAGES):
            if following is None:
                return listed
            answer = self._call(following)
            listed += self._listed(following, answer)
            following = self.listing.next_page(following, answer)
        raise SourceError(f"The list of {self.name} does not end.")

    def _listed(self, question: OutboundRequest, answer: OutboundAnswer) -> list[Listed]:
        try:
            orders = self.listing.read(question, answer)
        except ListingError as error:
            raise SourceError(str(error)) from None
        return [
            Listed(
                provider=self.name,
                external_id=order.external_id,
                handle=order.external_id,
                status=self.adapter.statuses.get(order.status_word),
                total=order.total,
                placed_at=order.placed_at,
            )
            for order in orders
        ]

    def take(self, listed: Listed, now: datetime) -> WebhookLog:
        """Ask for an order whole and put its bytes into the inbox, where it goes the way of any delivery."""
        request = self._ask_for(listed)
        placed_at = _snapshot(self.adapter, request).placed_at or listed.placed_at
        if placed_at is not None and placed_at > now - GRACE:
            raise TooFreshError
        recorded = inbox.record(
            self.company, self.name, self.adapter, request, proof=RECONCILIATION, received_at=timezone.now(),
            is_test=self.access.is_sandbox,
        )  # fmt: skip
        if recorded.is_new and recorded.log.claim_token is not None:
            inbox.process(recorded.log, request)
        return recorded.log

    def tell(self, listed: Listed) -> Told | None:
        """Return the total where the list told none."""
        if listed.total is not None:
            return None
        snapshot = _snapshot(self.adapter, self._ask_for(listed))
        # In major units: a provider with a list of its own counts in no others.
        return Told(snapshot.total if isinstance(snapshot.total, Decimal) else None, snapshot.placed_at)

    def _ask_for(self, listed: Listed) -> InboundRequest:
        question = self.listing.order_request(
            listed.handle, self.access.api, self._store_of.get(listed.external_id, "")
        )
        return self.listing.delivery_of(self._call(question))

    def _call(self, question: OutboundRequest) -> OutboundAnswer:
        """Make one call, with a new token once where the first is refused. Raises SourceError."""
        if breaker.state_of(self.company.id, self.name) == CircuitBreaker.State.OPEN:
            raise SourceError(f"{self.name} cannot be reached now; calls wait.")
        stale = ""
        for _ in range(2):
            try:
                token = get_token(self.access, stale=stale)
                request = self.access.calls.authorize(question, self.access.api, token)
                answer = outbound.send(request, peer=self.name).answer
            except SendError as error:
                raise SourceError(error.message) from None
            if answer.status != 401:
                break
            stale = token
        if answer.status in GONE:
            raise GoneError(f"The provider answered {answer.status}.")
        if not answer.is_success:
            raise SourceError(judge_status(answer, timezone.now()).reason)
        return answer


def _reach(listed: list[Listed], since: datetime) -> datetime:
    """Return from when on a list without known bounds is whole: it may be the newest page of a longer one."""
    times = [each.placed_at for each in listed if each.placed_at is not None]
    return since if len(listed) < SHORT_LIST or not times else max(since, min(times))


def _merged(before: Listed | None, listed: Listed) -> Listed:
    """Return the newer of two entries of one order, with what only the older tells."""
    if before is None:
        return listed
    return dataclasses.replace(
        listed,
        status=listed.status or before.status,
        total=before.total if listed.total is None else listed.total,
        placed_at=listed.placed_at or before.placed_at,
    )


def _snapshot(adapter: ProviderAdapter, request: InboundRequest) -> OrderSnapshot:
    """Return what an order's bytes say; an empty snapshot where they cannot be read: the inbox keeps those in quarantine."""
    try:
        events = adapter.parse(request)
    except PayloadError:
        return OrderSnapshot()
    return next((event.snapshot for event in events if event.snapshot is not None), OrderSnapshot())


def company_source(company: Company, provider: str, access: ProviderAccess | None) -> ProviderSource | str:
    """Return a company's list at a provider, or one sentence that says why there is none to ask."""
    listing = get_adapter(provider).listing
    if access is None or listing is None:
        return gettext_noop("The provider has no list of orders that we know.")
    if not access.is_enabled:
        return gettext_noop("The provider is switched off, or has no credential.")
    missing = (*access.missing, *listing.missing(access.api.secrets))
    if missing:
        return f"The credential lacks {', '.join(missing)}."
    return ProviderSource(access, listing)
