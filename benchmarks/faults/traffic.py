"""What the providers send: orders with their stories, built and signed as the real ones are."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from benchmarks.faults.http import Answer
from benchmarks.faults.stack import CompanyAccess
from providers.base import InboundRequest
from providers.events import Kind, Status
from providers.money import currency_digits
from providers.registry import ADAPTERS
from providers.samples import Dialect, SampleOrder, UnsignedSample, build_sample, sample_events, sign_sample

WAYS: tuple[tuple[str, Dialect], ...] = (
    ("careem", "hub"), ("talabat", "hub"), ("deliveroo", "native"), ("jahez", "hub"),
    ("careem", "native"), ("talabat", "hub"), ("deliveroo", "hub"), ("jahez", "native"),
)  # fmt: skip
POISON = (
    b'{"event_type": "order_created", "order_id": 1, ',
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b"[1, 2]",
    b'{"a": 1, "a": 2}',
)
"""Authentic and unusable."""


@dataclass(slots=True)
class Attempt:
    """One request: when it was meant to go, when it went, what came back. Times are seconds since the epoch."""

    meant_at: float
    sent_at: float = 0.0
    answered_at: float = 0.0
    answer: Answer | None = None

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @property
    def took_ms(self) -> float:
        """Counted from the intended time: a sender that waits for us is no excuse."""
        return (self.answered_at - self.meant_at) * 1000


@dataclass(slots=True)
class Event:
    """Something that a provider tells, and its attempts to tell it."""

    number: int
    company: CompanyAccess
    provider: str
    dialect: Dialect
    name: str
    sample: UnsignedSample
    at_s: float
    """When it is sent, after the start of the load."""
    external_id: str = ""
    status: Status | None = None
    total: Decimal | None = None
    currency: str = ""
    is_poison: bool = False
    skew_s: float = 0.0
    delivery: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return self.sample.body()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def is_acknowledged(self) -> bool:
        return any(200 <= attempt.status < 300 for attempt in self.attempts)

    def signed(self) -> InboundRequest:
        """Sign it now, under the delivery's own id: what a provider does again on every try."""
        now = datetime.now(UTC) + timedelta(seconds=self.skew_s)
        secrets = self.company.credentials[self.provider]
        return sign_sample(ADAPTERS[self.provider], self.dialect, self.sample, secrets, now, self.delivery)


class Poison(UnsignedSample):
    """Bytes that no reader takes."""

    raw: bytes = b""

    def body(self) -> bytes:
        return self.raw


def poison(number: int, company: CompanyAccess, at_s: float) -> Event:
    """Return an authentic event that nobody can use, different from every other."""
    provider, dialect = WAYS[number % len(WAYS)]
    sample = Poison({})
    object.__setattr__(sample, "raw", POISON[number % len(POISON)] + b" " * (number + 1))
    return Event(number, company, provider, dialect, "poison", sample, at_s, is_poison=True)


def orders(
    companies: list[CompanyAccess], prefixes: dict[str, str], rate: float, seconds: float, *, first: int = 0
) -> list[Event]:
    """Return the events of a load, ``rate`` a second, in the order of their time.

    Each order is created, confirmed and ends; one in twenty tells its status before it comes.
    """
    events: list[Event] = []
    count = max(1, int(rate * seconds / 3))
    for index in range(count):
        # A story takes 2.5 s; a short load is spread all the same: all at once is a fault of its own.
        at_s = index * max(0.6 * seconds, seconds - 3) / count
        company = companies[index % len(companies)]
        provider, dialect = WAYS[(index // len(companies)) % len(WAYS)]
        events += story(first + index, company, provider, dialect, prefixes[company.id], at_s)
    return sorted(events, key=lambda event: event.at_s)


def story(
    index: int, company: CompanyAccess, provider: str, dialect: Dialect, prefix: str, at_s: float
) -> Iterator[Event]:
    known = sample_events(provider, dialect)
    end = "cancelled" if index % 4 == 0 else "delivered"
    names = [name for name in ("created", "confirmed", end) if name in known]
    offsets = [0.0, 1.0, 2.5]
    if index % 20 == 7:
        offsets = [1.0, 0.0, 2.5]
    now = datetime.now(UTC)
    for step, name in enumerate(names):
        order = SampleOrder(external_id=f"{prefix}{index:06d}", store_id="", now=now, number=index)
        sample = build_sample(provider, dialect, name, order)
        event = Event(index * 3 + step, company, provider, dialect, name, sample, at_s + offsets[step])
        _expect(event)
        yield event


def _expect(event: Event) -> None:
    """Note what has to become of it, as the adapter reads it."""
    adapter = ADAPTERS[event.provider]
    sample = event.sample
    request = InboundRequest(body=event.body, headers=dict(sample.headers), path=sample.path, method=sample.method)
    for found in adapter.parse(request):
        event.external_id = event.external_id or found.external_id
        event.status = event.status or found.status
        if found.kind is Kind.CREATED and found.snapshot is not None:
            event.status = event.status or Status.RECEIVED
            event.currency = found.snapshot.currency or adapter.default_currency or "JOD"
            total = found.snapshot.in_currency(currency_digits(event.currency)).total
            event.total = total if isinstance(total, Decimal) else None
