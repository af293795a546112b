"""The doors to an order: ``apply_event`` for what a provider says, ``change_status`` and ``note_prep_time`` for what a person
does. There are two more: ``orders.rematch`` for what follows from a change of the menu, ``orders.stores`` for what follows
from saying which branch a store is.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from orders.amounts import adds_up, computed_total
from orders.bell import ring_after_provider, ring_after_step, ring_of_new
from orders.compiled import Select
from orders.contacts import is_blank, read_contact
from orders.lines import as_snapshot, build_lines, lines_differ
from orders.matching import BranchMatch, match_branch, match_customer, store_to_keep
from orders.models import Company, Order, OrderEvent, User
from orders.models.order import order_id_for
from orders.signals import status_changed_by_person
from orders.timeline import lock_order, next_seq, open_order, write_change, write_event
from orders.transitions import CALLED_OFF, RANK, move_by_person, move_by_platform, move_by_provider
from providers.events import (
    AMOUNT_FIELDS,
    Address,
    CustomerInfo,
    FulfilledBy,
    Kind,
    OrderSnapshot,
    OrderType,
    Status,
)
from providers.events import OrderEvent as ProviderEvent
from providers.money import currency_digits, is_known_currency
from providers.registry import get_adapter

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What an event did."""

    PROCESSED = "processed"
    IGNORED = "ignored"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an event. ``order_id`` is told even for an order that is not there yet."""

    outcome: Outcome
    order_id: uuid.UUID | None
    order: Order | None = None
    created: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where an event comes from."""

    received_at: datetime
    event_id: uuid.UUID | None = None
    via_hub: bool = False
    is_test: bool = False
    """Sent with a sandbox credential or by the webhook test."""
    is_imported: bool = False
    """Never came: we found the order in its provider's list and asked for it."""


def order_id_of(company: Company, provider: str, event: ProviderEvent) -> uuid.UUID | None:
    """Return the id of the order that an event is about; None where it is about none."""
    if event.order_ref:
        return uuid.UUID(event.order_ref)
    return order_id_for(company.id, provider, event.external_id) if event.external_id else None


def apply_event(company: Company, provider: str, event: ProviderEvent, delivery: Delivery) -> Applied:
    """Apply what a provider says to its order, in one transaction.

    A creation opens the order, or replaces the fields it names when the order is known. Anything else about an unknown
    order is ``parked``: nothing is written, and the caller applies it again when the order has come. What changes nothing
    is ``ignored``; a status that came too late stands in the timeline all the same. Safe to call twice.
    """
    order_id = order_id_of(company, provider, event)
    if event.kind is Kind.IGNORED or order_id is None:
        return Applied(Outcome.IGNORED, order_id, note=event.reason)
    with transaction.atomic(savepoint=False):
        lock_order(order_id)
        # The id is checked against its owner: Talabat answers with our id in a path that anybody may write.
        order = _ORDER.first(id=order_id, company=company.id, provider=provider)
        if order is None and event.kind is not Kind.CREATED:
            logger.debug("Order %s has not come yet", order_id)
            return Applied(Outcome.PARKED, order_id)
        if order is None:
            order = _create(company, provider, event, delivery, order_id)
            return Applied(Outcome.PROCESSED, order_id, order, created=True)
        return _update(company, order, event, delivery)


NOTHING = OrderSnapshot()
_ORDER = Select(
    lambda at: Order.objects.select_related("customer").filter(
        pk=at.one("id", Order, "id"),
        company=at.one("company", Order, "company"),
        provider=at.one("provider", Order, "provider"),
    )
)


# -- creating ----------------------------------------------------------------------------------------------------------


def _create(company: Company, provider: str, event: ProviderEvent, delivery: Delivery, order_id: uuid.UUID) -> Order:
    snapshot = event.snapshot or OrderSnapshot()
    branch = match_branch(company, provider, snapshot.store_ids)
    currency = order_currency(company, provider, snapshot, branch)
    digits = currency_digits(currency)
    snapshot = snapshot.in_currency(digits)
    now = timezone.now()
    status = event.status or Status.RECEIVED
    placed_at = snapshot.placed_at or event.occurred_at or delivery.received_at
    order = Order(
        id=order_id,
        company=company,
        provider=provider,
        external_id=event.external_id,
        display_id=snapshot.display_id or "",
        branch=branch.branch,
        status=status,
        currency=currency,
        payment_method=snapshot.payment_method or "",
        order_type=snapshot.order_type or OrderType.DELIVERY,
        fulfilled_by=snapshot.fulfilled_by or FulfilledBy.PROVIDER,
        delivery_address=_address_json(snapshot.delivery_address),
        notes=snapshot.notes or "",
        courier=dataclasses.asdict(event.courier) if event.courier else None,
        callback_urls=snapshot.callback_urls or {},
        is_test=bool(snapshot.is_test) or delivery.is_test,
        rings=ring_of_new(status) if is_actionable(status, snapshot, placed_at, delivery) else "",
        via_hub=delivery.via_hub,
        placed_at=placed_at,
        received_at=delivery.received_at,
        accept_by=snapshot.accept_by or _accept_by(company, provider, snapshot, placed_at),
        scheduled_for=snapshot.scheduled_for,
        estimated_delivery_at=snapshot.estimated_delivery_at,
        created_at=now,
        updated_at=now,
        **{name: getattr(snapshot, name) for name in AMOUNT_FIELDS},
    )
    reasons: set[str] = set()
    if snapshot.total is None:
        order.total = computed_total(snapshot) or Decimal(0)
        reasons.add("amount_mismatch")
    elif not adds_up(snapshot, digits):
        reasons.add("amount_mismatch")
    if not branch.is_known:
        reasons.add("unknown_branch")
        order.store_id = store_to_keep(snapshot.store_ids)
    if not is_known_currency(currency):
        reasons.add("unknown_currency")
    _set_customer(company, order, snapshot.customer)
    if order.customer is None and order.fulfilled_by == FulfilledBy.RESTAURANT:
        reasons.add("missing_customer")
    lines = build_lines(order, snapshot.lines or (), snapshot.store_ids)
    order.item_count = lines.item_count
    if not lines.is_on_menu:
        reasons.add("unmapped_item")
    set_reasons(order, reasons)
    open_order(
        order,
        lines.items,
        lines.options,
        type=Kind.CREATED.value,
        source=OrderEvent.Source.PROVIDER,
        provider_status=event.provider_status,
        webhook_event_id=delivery.event_id,
        note=_IMPORTED if delivery.is_imported else "",
        is_loud=delivery.is_imported,
        occurred_at=placed_at,
    )
    logger.debug(
        "Order %s of %s opens as %s: branch %s (%s), customer %s, %d items in %s, number %d; to look at: %s",
        order.id, provider, status, order.branch_id, "by its store id" if branch.is_known else "stands in",
        order.customer_id, order.item_count, order.currency, order.seq, ", ".join(order.attention_reasons) or "nothing",
    )  # fmt: skip
    return order


_IMPORTED = gettext_noop("never came by itself, found in the provider's list")
ACTIONABLE_FOR = timedelta(hours=2)
"""So long after an order was placed, or after the time for which it was ordered, a kitchen may still have to cook it."""


def is_actionable(status: Status, snapshot: OrderSnapshot, placed_at: datetime, delivery: Delivery) -> bool:
    """Tell whether somebody has to hear of a new order: always of one that came, of an imported one while it can be cooked."""
    if not delivery.is_imported:
        return True
    wanted_at = max(placed_at, snapshot.scheduled_for or placed_at)
    return RANK[status] < RANK[Status.READY] and delivery.received_at < wanted_at + ACTIONABLE_FOR


def order_currency(company: Company, provider: str, snapshot: OrderSnapshot, branch: BranchMatch) -> str:
    """Return the currency: the payload's, else the store's, else the provider's, else the company's."""
    return snapshot.currency or branch.currency or get_adapter(provider).default_currency or company.currency


def _accept_by(company: Company, provider: str, snapshot: OrderSnapshot, placed_at: datetime) -> datetime | None:
    within_s = settings.ACCEPT_WITHIN_S.get(provider)
    if within_s is None:
        within_s = get_adapter(provider).accept_within_s(snapshot.market or company.country)
    return None if within_s is None else placed_at + timedelta(seconds=within_s)


def _address_json(address: Address | None) -> dict[str, Any] | None:
    if address is None:
        return None
    fields = dataclasses.asdict(address)
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def _set_customer(company: Company, order: Order, info: CustomerInfo | None) -> None:
    if info is None or is_blank(info):
        return
    contact = read_contact(info, company.country)
    order.customer = match_customer(company, contact)
    order.customer_name = contact.name
    order.customer_phone = contact.phone
    order.customer_phone_access_code = contact.phone_access_code
    order.customer_email = contact.email


MARK_FIELDS = ("attention_reasons", "needs_attention")
"""What :func:`set_reasons` sets."""


def set_reasons(order: Order, reasons: Iterable[str]) -> None:
    """Set why an order waits for a person; does not save."""
    order.attention_reasons = sorted(reasons)
    order.needs_attention = bool(order.attention_reasons)


# -- updating ----------------------------------------------------------------------------------------------------------


def _update(company: Company, order: Order, event: ProviderEvent, delivery: Delivery) -> Applied:
    before = Status(order.status)
    after = move_by_provider(before, event.status)
    told_at = order.fields_told_at
    newest = _newest_of(order, event, delivery.received_at)
    is_overtaken = newest is not event
    changes = _replace_fields(company, order, newest)
    if (
        order.is_test
        and event.kind is Kind.CREATED
        and not delivery.is_test
        and not (event.snapshot or NOTHING).is_test
    ):
        # A trial had used the number of an order that now really comes: it has to be cooked.
        order.is_test = False
        changes["is_test"] = [True, False]
    if after is before and not changes:
        if order.fields_told_at != told_at:
            Order.objects.filter(pk=order.pk).update(fields_told_at=order.fields_told_at)
        late = event.status is not None and event.status is not before
        logger.debug(
            "Order %s stays %s: %s changes nothing, late %s", order.id, before, event.status, late or is_overtaken
        )
        if event.provider_status and (late or is_overtaken or event.status is None):
            note = gettext_noop("changes nothing")
            if late or is_overtaken:
                note = _TOO_LATE if late else _OVERTAKEN
            write_event(order, **_provider_entry(event, delivery), seq=None, type=event.kind.value, note=note)
        return Applied(Outcome.IGNORED, order.id, order, note="late" if late or is_overtaken else "unchanged")
    order.status = after
    order.rings = ring_after_provider(order.rings, before, after)
    order.updated_at = timezone.now()
    order.seq = next_seq(company.id)
    logger.debug("Order %s goes from %s to %s, number %d; changed: %s", order.id, before, after, order.seq,
                 ", ".join(sorted(changes)) or "nothing else")  # fmt: skip
    order.save()
    write_event(
        order,
        **_provider_entry(event, delivery),
        seq=order.seq,
        type=_event_type(before, after),
        previous_status=before,
        changes=changes,
        note="; ".join(filter(None, (_note_of_end(before, after, event.reason), _OVERTAKEN if is_overtaken else ""))),
        is_loud=_is_loud(before, after, changes),
    )
    return Applied(Outcome.PROCESSED, order.id, order)


_TOO_LATE = gettext_noop("came too late, the order keeps its status")
_OVERTAKEN = gettext_noop("came too late, the order keeps its newer fields")


def _newest_of(order: Order, event: ProviderEvent, received_at: datetime) -> ProviderEvent:
    """Return the event without the fields that an event received later has named; note in the order when the others were told.

    For a retry that comes after its successor. A creation is older than the one that opened the order, too, where it was
    received before it; an update never is: it may have been parked.
    """
    snapshot, at = event.snapshot or NOTHING, received_at.timestamp()
    told_at: dict[str, float] = order.fields_told_at or {}
    opened_at = order.received_at.timestamp() if event.kind is Kind.CREATED else at
    blank = {f.name: getattr(NOTHING, f.name) for f in dataclasses.fields(NOTHING)}
    named = {name for name, nothing in blank.items() if getattr(snapshot, name) != nothing}
    if event.courier is not None:
        named.add("courier")
    old = {name for name in named if at < max(opened_at, told_at.get(name, at))}
    if named - old:
        order.fields_told_at = {**told_at, **dict.fromkeys(sorted(named - old), at)}
    if not old:
        return event
    return dataclasses.replace(
        event,
        snapshot=dataclasses.replace(snapshot, **{name: blank[name] for name in old & blank.keys()}),
        courier=None if "courier" in old else event.courier,
    )


def _provider_entry(event: ProviderEvent, delivery: Delivery) -> dict[str, Any]:
    return {
        "source": OrderEvent.Source.PROVIDER,
        "provider_status": event.provider_status,
        "reason": event.reason,
        "webhook_event_id": delivery.event_id,
        "occurred_at": event.occurred_at or delivery.received_at,
    }


def _note_of_end(before: Status, after: Status, reason: str) -> str:
    """Say what is known of an end that the provider tells: whether anybody had answered, and that no reason came."""
    if after is before or after not in CALLED_OFF:
        return ""
    unanswered = gettext_noop("nobody had answered it") if before is Status.RECEIVED else ""
    return "; ".join(filter(None, (unanswered, "" if reason else gettext_noop("the provider gave no reason"))))


def _event_type(before: Status, after: Status) -> str:
    if after is not before and after is Status.CANCELLED:
        return Kind.CANCELLED.value
    if after is not before and after is Status.DELIVERED:
        return Kind.DELIVERED.value
    return Kind.UPDATED.value


def _is_loud(before: Status, after: Status, changes: dict[str, list[Any]]) -> bool:
    """Tell what the kitchen must notice: another order than the one it has, or one that is off after all."""
    if after is not before and after in CALLED_OFF:
        return before is not Status.RECEIVED
    return bool(changes.keys() - {"courier", "estimated_delivery_at", "payment_method"})


_PLAIN_FIELDS = (
    "display_id",
    "payment_method",
    "order_type",
    "fulfilled_by",
    "notes",
    "scheduled_for",
    "estimated_delivery_at",
)
_PRIVATE_FIELDS = frozenset({"customer", "delivery_address", "notes", "courier"})
"""Fields whose values stay out of the timeline, which outlives a customer's data."""


def _replace_fields(company: Company, order: Order, event: ProviderEvent) -> dict[str, list[Any]]:
    """Replace the fields that an event names; return what changed, as ``[before, after]`` by field name."""
    changes: dict[str, list[Any]] = {}

    def replace(name: str, value: Any) -> None:
        before = getattr(order, name)
        if value is not None and value != before:
            setattr(order, name, value)
            changes[name] = [] if name in _PRIVATE_FIELDS else [_plain(before), _plain(value)]

    if event.courier is not None:
        known = order.courier or {}
        told = {key: value for key, value in dataclasses.asdict(event.courier).items() if value}
        replace("courier", {"name": "", "phone": "", "status": "", **known, **told})
    if event.snapshot is None:
        return changes
    snapshot, reasons = event.snapshot, set(order.attention_reasons)
    if snapshot.store_ids:
        match = match_branch(company, order.provider, snapshot.store_ids)
        if match.is_known and match.branch and match.branch.id != order.branch_id:
            changes["branch"] = [order.branch.name if order.branch else None, match.branch.name]
            order.branch = match.branch
        if match.is_known:
            reasons.discard("unknown_branch")
        if "unknown_branch" in reasons or match.is_known:
            order.store_id = "" if match.is_known else store_to_keep(snapshot.store_ids)
    replace("currency", snapshot.currency)
    digits = currency_digits(order.currency)
    snapshot = snapshot.in_currency(digits)
    for name in (*_PLAIN_FIELDS, *AMOUNT_FIELDS):
        replace(name, getattr(snapshot, name))
    if "payment_method" in changes and snapshot.cash_due is None:
        # An update may tell the new way of paying alone: what the courier collects follows from it.
        replace("cash_due", order.total if order.payment_method == "cash" else Decimal(0))
    replace("delivery_address", _address_json(snapshot.delivery_address))
    if snapshot.callback_urls:
        order.callback_urls = {**order.callback_urls, **snapshot.callback_urls}
    if _replace_customer(company, order, snapshot.customer):
        changes["customer"] = []
        reasons.discard("missing_customer")
    if snapshot.lines is not None and lines_differ(order, snapshot.lines):
        changes["items"] = [order.item_count, sum(line.quantity for line in snapshot.lines)]
        order.items.all().delete()
        lines = build_lines(order, snapshot.lines, snapshot.store_ids)
        lines.write()
        order.item_count = lines.item_count
        reasons.discard("unmapped_item")
        if not lines.is_on_menu:
            reasons.add("unmapped_item")
    if changes.keys() & {"items", *AMOUNT_FIELDS}:
        reasons.discard("amount_mismatch")
        if not adds_up(as_snapshot(order, snapshot.lines), digits):
            reasons.add("amount_mismatch")
    set_reasons(order, reasons)
    return changes


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (int, bool, type(None))) else str(value)


def _replace_customer(company: Company, order: Order, info: CustomerInfo | None) -> bool:
    """Replace the customer where the payload tells another one; what it blanks or masks stays as it was."""
    if info is None or is_blank(info):
        return False
    contact = read_contact(info, company.country)
    told = {
        "customer_name": contact.name,
        "customer_phone": contact.phone,
        "customer_phone_access_code": contact.phone_access_code,
        "customer_email": contact.email,
    }
    if all(not value or getattr(order, name) == value for name, value in told.items()):
        return False
    merged = CustomerInfo(
        name=contact.name or order.customer_name,
        phone=contact.phone or order.customer_phone,
        phone_access_code=contact.phone_access_code or (order.customer_phone_access_code if not contact.phone else ""),
        email=contact.email or order.customer_email,
    )
    _set_customer(company, order, merged)
    return True


# -- a person ----------------------------------------------------------------------------------------------------------


def change_status(
    order: Order,
    wanted: Status,
    *,
    user: User | None,
    reason: str = "",
    prep_minutes: int | None = None,
    told_by: uuid.UUID | None = None,
) -> Order:
    """Move an order as a person does, one step; return it as it then is. Naming its present status changes nothing.

    Raises InvalidTransitionError, naming the steps that are allowed. ``prep_minutes`` is how long the kitchen will take.
    ``told_by`` is the delivery with which a platform told the hub of its people's steps: then nothing raises, see
    ``move_by_platform``.
    """
    with transaction.atomic():
        lock_order(order.id)
        order = Order.objects.select_related("company", "branch", "customer").get(pk=order.id)
        before = Status(order.status)
        after = move_by_person(before, wanted) if told_by is None else move_by_platform(before, wanted)
        if after is before:
            return order
        order.status = after
        order.rings = ring_after_step(order.rings, after, by_somebody=user is not None or told_by is not None)
        order.updated_at = timezone.now()
        order.seq = next_seq(order.company_id)
        order.save(update_fields=["status", "rings", "updated_at", "seq"])
        logger.debug("Order %s is moved from %s to %s, number %d", order.id, before, after, order.seq)
        entry = write_event(
            order,
            seq=order.seq,
            type=_event_type(before, after),
            previous_status=before,
            source=OrderEvent.Source.PERSON if user else OrderEvent.Source.SYSTEM,
            user=user,
            reason=reason[:500],
            prep_minutes=prep_minutes,
            webhook_event_id=told_by,
            occurred_at=order.updated_at,
        )
        # Inside the transaction: what has to reach the provider is written with the change or not at all.
        status_changed_by_person.send(sender=Order, order=order, event=entry)
    return order


def note_prep_time(order: Order, minutes: int, *, user: User | None) -> OrderEvent:
    """Write how many minutes the kitchen takes from now on, in the caller's transaction; return the entry.

    The caller holds the order's lock, and tells the provider.
    """
    before = OrderEvent.objects.filter(order=order, prep_minutes__isnull=False).order_by("-created_at")
    changes = {"prep_minutes": [before.values_list("prep_minutes", flat=True).first(), minutes]}
    return write_change(order, (), changes, user=user, prep_minutes=minutes)
