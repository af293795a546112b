"""Where a number that somebody has in hand leads: to orders, and to deliveries that never became one."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from integration.events import visible_events
from integration.models import OutboundPush, WebhookBody, WebhookLog, WebhookStatus
from integration.worklist import WAITING_FOR_PERSON
from orders.access import Access
from orders.filters import MAX_TEXT, matches
from orders.models import Company, Order, Role
from orders.pages import uuid_or_none

MOST = 20
"""So many orders, and so many deliveries, are shown."""
LOOKED_BACK = timedelta(days=31)
"""What is not named exactly is looked for among the orders and deliveries of so long."""
MOST_LOOKED_AT = 100_000
"""No more than the newest of the orders: on SQLite, and of a text that is too short for the index, each is looked at."""
REFUSED_WITHIN = timedelta(hours=24)
MOST_BODIES, MOST_BYTES = 100, 4 * 1024 * 1024
"""Of deliveries that could not be read: how many are searched, and how large they are together."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, newest first. ``events`` are deliveries without an order that the person may see."""

    orders: list[Order] = field(default_factory=list)
    events: list[WebhookLog] = field(default_factory=list)

    @property
    def only(self) -> Order | WebhookLog | None:
        """Return what was meant where nothing else can be."""
        every: list[Order | WebhookLog] = [*self.orders, *self.events]
        return every[0] if len(every) == 1 else None


def find(access: Access, text: str, now: datetime) -> Found:
    """Return what a text leads to: an id of an order, an event or a request; a number, a name, digits of a phone.

    What is named exactly is found however old it is; else what fits, of the last ``LOOKED_BACK``.
    """
    text = text.strip()
    if not text or len(text) > MAX_TEXT or "\x00" in text:
        return Found()
    exact = _named(access, text)
    return exact if exact.orders or exact.events else _fitting(access, text, now - LOOKED_BACK)


def _named(access: Access, text: str) -> Found:
    """Return what the text names exactly: a look-up in an index each."""
    known = uuid_or_none(text)
    events = visible_events(access)
    if known and (event := events.filter(pk=known).first()):
        return Found(events=[event])
    orders = access.orders().filter(Q(external_id=text) | Q(pk=known) if known else Q(external_id=text))
    named = events.filter(Q(external_id=text) | Q(order_id=known) if known else Q(external_id=text))
    return Found(_newest_orders(orders), _newest_events(_without_order(named)))


def _fitting(access: Access, text: str, since: datetime) -> Found:
    """Return what fits the text: a request's id, the beginning of a number, a part of a name or a phone."""
    company = access.company
    orders = access.orders().filter(created_at__gte=_edge(company, since))
    events = visible_events(access).filter(received_at__gte=since)
    if _REQUEST_ID.fullmatch(text):
        about = events.filter(request_id=text).exclude(status=WebhookStatus.REJECTED)
        pushes = OutboundPush.objects.filter(request_id=text, created_at__gte=since, company=access.company)
        ids: list[uuid.UUID | None] = [*about.values_list("order_id", flat=True)[:MOST]]
        ids += pushes.values_list("order_id", flat=True)[:MOST]
        by_request = Found(
            _newest_orders(access.orders().filter(pk__in=[each for each in ids if each])),
            _newest_events(_without_order(about)),
        )
        if by_request.orders or by_request.events:
            return by_request
    fits = _newest_orders(orders.filter(matches(text, access) | Q(external_id__endswith=text)))
    lone = _newest_events(_without_order(events.filter(external_id__startswith=text)))
    return Found(fits, lone or _unreadable_with(access, events, text))


def _edge(company: Company, since: datetime) -> datetime:
    """Return from when on orders are looked at: a walk along the index of a company's newest."""
    orders = Order.objects.filter(company=company, created_at__gte=since).order_by("-created_at")
    times = orders.values_list("created_at", flat=True)
    return next(iter(times[MOST_LOOKED_AT : MOST_LOOKED_AT + 1]), since)


def _without_order(events: QuerySet[WebhookLog]) -> QuerySet[WebhookLog]:
    return events.filter(~Exists(Order.objects.filter(pk=OuterRef("order_id"))))


def _newest_orders(orders: QuerySet[Order]) -> list[Order]:
    return list(orders.select_related("branch").order_by("-created_at", "-id")[:MOST])


def _newest_events(events: QuerySet[WebhookLog]) -> list[WebhookLog]:
    return list(events.order_by("-received_at", "-id")[:MOST])


def _unreadable_with(access: Access, events: QuerySet[WebhookLog], text: str) -> list[WebhookLog]:
    """Return deliveries that wait for a person, have no number of an order, and hold the text somewhere in their bytes.

    For managers: a body may hold the customer's phone, which must not be guessed digit by digit.
    """
    if not access.at_least(Role.MANAGER) or len(text) < 4:
        return []
    waiting = events.filter(status__in=WAITING_FOR_PERSON, external_id="").order_by("-received_at", "-id")
    wanted, room = text.encode("utf-8", "surrogatepass"), MOST_BYTES
    found: list[WebhookLog] = []
    for log in waiting[:MOST_BODIES]:
        room -= log.body_size
        if room < 0 or len(found) == MOST:
            break
        stored = WebhookBody.objects.filter(log=log).values_list("body", flat=True).first()
        if stored is not None and wanted in bytes(stored):
            found.append(log)
    return found


# -- where nothing is found --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests in a provider's name of the last day that proved nothing: nothing of them is kept but their number."""

    provider: str
    reason: str
    count: int


def refused_lately(access: Access, now: datetime) -> list[Refused]:
    """Return what was refused in the last day, most first: an order that is nowhere may have been among it."""
    rows = visible_events(access).filter(status=WebhookStatus.REJECTED, received_at__gte=now - REFUSED_WITHIN)
    groups = rows.order_by().values_list("provider", "error").annotate(number=Sum("count")).order_by("-number")
    return [Refused(provider, reason, number) for provider, reason, number in groups[:MOST]]
