"""An order under any sequence of events and people, against a model of a few lines."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from orders.models import Branch, Company, Order
from orders.models import OrderEvent as TimelineEvent
from orders.services import Delivery, Outcome, apply_event, change_status
from orders.timeline import last_seq
from orders.transitions import InvalidTransitionError
from providers.events import Kind, Line, OrderSnapshot, Status
from providers.events import OrderEvent as Event

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
RANKED = [
    Status.RECEIVED, Status.CONFIRMED, Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY, Status.DELIVERED,
    Status.FAILED, Status.REJECTED, Status.CANCELLED,
]  # fmt: skip
FINISHED = {Status.DELIVERED, Status.FAILED, Status.REJECTED, Status.CANCELLED}
statuses = st.sampled_from(RANKED)


def may_step(current: Status, wanted: Status) -> bool:
    """The rule for people, written down a second time and differently."""
    if current in FINISHED:
        return False
    if wanted is Status.CANCELLED or (current, wanted) == (Status.RECEIVED, Status.REJECTED):
        return True
    return RANKED.index(wanted) == RANKED.index(current) + 1 and wanted not in {Status.FAILED, Status.REJECTED}


class OneOrder(RuleBasedStateMachine):
    """The model is the status, the number of changes and what was said before the order came."""

    def __init__(self) -> None:
        super().__init__()
        name = f"machine-{uuid.uuid4().hex[:12]}"
        self.company = Company.objects.create(name=name, slug=name)
        Branch.objects.create(company=self.company, name="Main", is_default=True)
        self.status: Status | None = None
        self.changes = 0
        self.path: list[Status] = []

    def moved(self, status: Status) -> None:
        if status is not self.status:
            self.status = status
            self.changes += 1
            self.path.append(status)

    def provider_says(self, kind: Kind, status: Status) -> Outcome:
        snapshot = (
            OrderSnapshot(lines=(Line(quantity=1, name="Mansaf"),), store_ids=()) if kind is Kind.CREATED else None
        )
        event = Event(kind=kind, external_id="1", status=status, provider_status=status.value, snapshot=snapshot)
        return apply_event(self.company, "careem", event, Delivery(received_at=NOW)).outcome

    @rule(status=statuses)
    def creation(self, status: Status) -> None:
        outcome = self.provider_says(Kind.CREATED, status)
        before = self.status
        if before is None or RANKED.index(status) > RANKED.index(before):
            self.moved(status)
            assert outcome is Outcome.PROCESSED
        else:
            assert outcome is Outcome.IGNORED

    @rule(status=statuses)
    def provider_update(self, status: Status) -> None:
        outcome = self.provider_says(Kind.UPDATED, status)
        if self.status is None:
            assert outcome is Outcome.PARKED
        elif RANKED.index(status) > RANKED.index(self.status):
            self.moved(status)
            assert outcome is Outcome.PROCESSED
        else:
            assert outcome is Outcome.IGNORED

    @rule(wanted=statuses)
    def person(self, wanted: Status) -> None:
        if self.status is None:
            return
        order = Order.objects.get(company=self.company)
        if wanted is self.status or may_step(self.status, wanted):
            assert change_status(order, wanted, user=None).status == wanted
            self.moved(wanted)
            return
        with pytest.raises(InvalidTransitionError) as caught:
            change_status(order, wanted, user=None)
        assert {s for s in RANKED if may_step(self.status, s)} == set(caught.value.allowed)

    @invariant()
    def the_order_is_where_the_model_is(self) -> None:
        order = Order.objects.filter(company=self.company).first()
        assert (order.status if order else None) == self.status

    @invariant()
    def numbers_have_no_gap_and_history_is_the_path(self) -> None:
        numbered = TimelineEvent.objects.filter(company=self.company, seq__isnull=False).order_by("seq")
        assert [event.seq for event in numbered] == list(range(1, self.changes + 1))
        assert [event.status for event in numbered] == self.path
        assert [event.previous_status for event in numbered] == ["", *self.path[:-1]][: len(self.path)]
        assert last_seq(self.company.id) == self.changes


@pytest.mark.repeats
@pytest.mark.any_database
def test_order_follows_the_model_under_any_sequence(db):
    run_state_machine_as_test(
        OneOrder,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
