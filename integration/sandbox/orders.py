"""Placing an order at a played provider, and moving it on: by a call of ours, by its customer, by the clock."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from integration.models import ProviderCredential, SandboxDelivery, SandboxOrder
from integration.sandbox import payloads, story
from integration.sandbox.accounts import has_real_account, is_wired
from integration.sandbox.payloads import Wish
from integration.sandbox.story import Status
from orders.models import BranchStore, Company, Order
from orders.models.order import order_id_for
from providers.events import Status as OurStatus
from providers.registry import get_adapter
from providers.samples import Dialect, SampleOrder, UnsignedSample

MAX_SPEED = 240.0
DUPLICATE_AFTER_S = 20.0
"""Sandbox seconds between an event and its second copy."""
OVERTAKEN_BY_S = 30.0
"""Sandbox seconds by which an early event outruns the creation of its order."""
EARLY_EVENT = {"careem": "courier", "deliveroo": "courier", "jahez": "payment"}
"""What can come before its order. Talabat's updates name our own id, so there nothing can."""
ECHO = "confirmed"
"""The providers tell us of our own acceptance, too; Talabat does not."""

_READY = (OurStatus.READY, OurStatus.OUT_FOR_DELIVERY, OurStatus.DELIVERED)


class PlacingError(Exception):
    """No order can be placed for this company; the message says why, ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConflictError(Exception):
    """The provider does not take this call for an order that is as it is now."""

    def __init__(self, order: SandboxOrder) -> None:
        super().__init__(order.status)
        self.status = Status(order.status)


class StaleError(Exception):
    """Somebody else changed the order in between; nothing was written."""


@dataclass(frozen=True, slots=True)
class Placing:
    """What is asked for beyond the payload: times in the sandbox's seconds."""

    wish: Wish = dataclasses.field(default_factory=Wish)
    speed: float = 20.0
    customer_cancels_after_s: float | None = None
    is_sent_twice: bool = False
    is_overtaken: bool = False
    """Whether an event about the order comes before the order."""
    late_courier: bool = False
    is_lost: bool = False
    """Whether the order's webhook never leaves the provider, so that only its list tells of it."""


def place_order(company: Company, provider: str, placing: Placing, now: datetime) -> SandboxOrder:
    """Place an order of a company at a played provider; the loop sends it. Raises PlacingError.

    In the provider's own dialect where the company has the secret that proves it, else in the hub's.
    """
    credential = ProviderCredential.objects.filter(company=company, provider=provider).first()
    if has_real_account(credential):
        raise PlacingError(
            "real_account",
            f"{company.slug} has an account at {provider} itself: an answer to an invented order would go there.",
        )
    dialect = _dialect(provider, credential)
    stores = BranchStore.objects.filter(branch__company=company, provider=provider).order_by("pk")[:8]
    names = [store.store_id for store in stores] or [f"{company.slug}-{provider}"]
    wish, second = placing.wish, timedelta(seconds=1) / placing.speed
    sample = SampleOrder(
        external_id=payloads.new_external_id(provider, now),
        store_id=names[wish.number % len(names)],
        now=now,
        number=wish.number,
    )
    answer_by = now + story.answer_within(provider, payloads.MARKET.get(provider, company.country)) / placing.speed
    built = payloads.build_creation(provider, dialect, sample, wish, answer_by)
    cancels_after_s = placing.customer_cancels_after_s
    order = SandboxOrder(
        company=company,
        provider=provider,
        external_id=sample.external_id,
        dialect=dialect,
        store_id=sample.store_id,
        number=wish.number,
        payload=json.loads(built.body()),
        answers_by_call=dialect == "native" and is_wired(credential),
        carried_by_provider=payloads.is_carried_by_provider(provider, built),
        is_scheduled=wish.kind == "scheduled" and payloads.known_kind(provider, dialect, wish.kind) == wish.kind,
        speed=placing.speed,
        late_courier=placing.late_courier,
        placed_at=now,
        answer_by=answer_by,
        customer_cancels_at=None if cancels_after_s is None else now + second * cancels_after_s,
    )
    order.next_at = story.next_look(order, now)
    early = EARLY_EVENT.get(provider, "") if placing.is_overtaken else ""
    with transaction.atomic():
        order.save(force_insert=True)
        creation = _enqueue(order, "created", built, now + (second * OVERTAKEN_BY_S if early else timedelta(0)))
        if early and (event := payloads.build_event(order, early, now)):
            _enqueue(order, early, event, now)
        if placing.is_lost:
            SandboxDelivery.objects.filter(pk=creation.pk).update(status=SandboxDelivery.Status.GIVEN_UP)
        if placing.is_sent_twice:
            _copy(creation, creation.due_at + second * DUPLICATE_AFTER_S)
    return order


def _dialect(provider: str, credential: ProviderCredential | None) -> Dialect:
    adapter = get_adapter(provider)
    if credential and credential.value(adapter.native_secret):
        return "native"
    if credential and credential.value(adapter.hub_secret):
        return "hub"
    raise PlacingError("no_credential", f"There is no secret with which an order of {provider} could be signed.")


# -- what our calls do -------------------------------------------------------------------------------------------------


def accept(order: SandboxOrder, now: datetime) -> None:
    """Take our acceptance; raise ConflictError for a second one, and after the deadline."""
    _want(order, now, Status.PLACED)
    _write(order, now, echo=ECHO, status=Status.ACCEPTED, accepted_at=now)


def reject(order: SandboxOrder, now: datetime, *, after_acceptance: bool = False) -> None:
    """Take our refusal; raise ConflictError where the order is past it."""
    _want(order, now, Status.PLACED, *((Status.ACCEPTED, Status.COURIER_HERE) if after_acceptance else ()))
    _write(order, now, status=Status.REJECTED if order.status == Status.PLACED else Status.CANCELLED)


def mark_ready(order: SandboxOrder, now: datetime) -> None:
    """Take that the kitchen is ready; safe to call twice. Raises ConflictError."""
    _want(order, now, Status.ACCEPTED, Status.COURIER_HERE, Status.PICKED_UP)
    if order.ready_at is None:
        _write(order, now, ready_at=now)


def mark_picked_up(order: SandboxOrder, now: datetime) -> None:
    """Take that the restaurant has handed the order over; safe to call twice. Raises ConflictError."""
    _want(order, now, Status.ACCEPTED, Status.COURIER_HERE, Status.PICKED_UP)
    if order.status != Status.PICKED_UP:
        _write(order, now, status=Status.PICKED_UP, picked_up_at=now)


def take_once(order: SandboxOrder, mark: str, now: datetime) -> None:
    """Note a call that the provider takes once; raise ConflictError for a second one."""
    if mark in order.marks:
        raise ConflictError(order)
    _write(order, now, marks={**order.marks, mark: now.isoformat()})


def want_open(order: SandboxOrder, now: datetime, *, accepted: bool = False) -> None:
    """Raise ConflictError where nothing can be said about the order any more, or not before its acceptance."""
    _want(order, now, *(story.OPEN - ({Status.PLACED} if accepted else set())))


def _want(order: SandboxOrder, now: datetime, *statuses: SandboxOrder.Status) -> None:
    if story.ADOPTED in order.marks and order.status == Status.PLACED:
        return  # what was said of it before, nobody told the sandbox
    move = story.next_move(order, now)
    if move and move.status in {Status.TIMED_OUT, Status.CANCELLED}:
        # The loop has not been here yet, and our call is too late all the same.
        order.status = move.status
        raise ConflictError(order)
    if order.status not in statuses:
        raise ConflictError(order)


def change(key: uuid.UUID, what: Callable[[SandboxOrder], None]) -> SandboxOrder:
    """Read an order, change it and write it, anew where somebody was faster. Raises what ``what`` raises."""
    for tries_left in (4, 3, 2, 1, 0):
        order = SandboxOrder.objects.get(pk=key)
        try:
            with transaction.atomic():
                what(order)
            return order
        except StaleError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


# -- what the clock does -----------------------------------------------------------------------------------------------


def advance(order: SandboxOrder, now: datetime) -> str:
    """Do what is due with an order; return the event that it made, ``""`` for none. Raises StaleError."""
    changes = _seen_on_the_tablet(order, now) if not order.answers_by_call else {}
    for name, value in changes.items():
        setattr(order, name, value)
    move = story.next_move(order, now)
    if move is None:
        _write(order, now, **changes)
        return ""
    if move.status == Status.PICKED_UP:
        changes["picked_up_at"] = now
    with transaction.atomic():
        _write(order, now, event=move.event, **{**changes, "status": move.status})
    return move.event


def _seen_on_the_tablet(order: SandboxOrder, now: datetime) -> dict[str, Any]:
    """Return what changes because of our own order: a company without an account answers on the provider's tablet."""
    key = order_id_for(order.company_id, order.provider, order.external_id)
    ours = Order.objects.filter(pk=key).values_list("status", flat=True).first()
    if ours is None or ours == OurStatus.RECEIVED or order.status not in story.BEFORE_PICKUP:
        return {}
    if ours in {OurStatus.REJECTED, OurStatus.CANCELLED}:
        return {"status": Status.REJECTED}
    changes: dict[str, Any] = {}
    if order.status == Status.PLACED:
        changes |= {"status": Status.ACCEPTED, "accepted_at": now}
    if ours in _READY and order.ready_at is None:
        changes["ready_at"] = now
    return changes


def _write(order: SandboxOrder, now: datetime, *, event: str = "", echo: str = "", **changes: Any) -> None:
    """Write the changes and owe the event, if nobody was here since the order was read; raise StaleError if so."""
    for name, value in changes.items():
        setattr(order, name, value)
    order.next_at = story.next_look(order, now)
    with transaction.atomic():
        written = SandboxOrder.objects.filter(pk=order.pk, version=order.version).update(
            **changes, next_at=order.next_at, version=order.version + 1
        )
        if not written:
            raise StaleError
        order.version += 1
        said = event or ("" if story.ADOPTED in order.marks else echo)
        built = payloads.build_event(order, said, now) if said else None
        if built is None:
            return
        late_by = story.LATE_COURIER_BY if order.late_courier and said == "courier" else 0.0
        _enqueue(order, said, built, now + story.sandbox_minutes(order, late_by))


def _enqueue(order: SandboxOrder, event: str, built: UnsignedSample, due_at: datetime) -> SandboxDelivery:
    return SandboxDelivery.objects.create(
        order=order,
        event=event,
        delivery_id=f"sandbox-{uuid.uuid4()}",
        method=built.method,
        path=built.path,
        headers=dict(built.headers),
        body=built.body().decode(),
        due_at=due_at,
    )


def _copy(delivery: SandboxDelivery, due_at: datetime) -> None:
    """Owe the same delivery once more: the same bytes, the same id."""
    names = ("order", "event", "delivery_id", "method", "path", "headers", "body")
    SandboxDelivery.objects.create(**{name: getattr(delivery, name) for name in names}, due_at=due_at)
