"""What a run sends, built and signed before it begins: the sender has nothing left to do but to send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.payloads import WAYS, build_order
from providers.base import InboundRequest
from providers.money import currency_digits
from providers.registry import ADAPTERS
from providers.samples import Dialect, UnsignedSample, sign_sample

DOOR = "/api/integration/webhook"
AHEAD_S = 150
"""Proofs hold for five minutes before and after their time: named so far ahead, they are good while a long plan is being built
and sent."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to be in the database when the request was acknowledged. ``total`` is None where the payload tells none."""

    company: str
    provider: str
    external_id: str
    lines: int
    modifiers: int
    total: Decimal | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.company, self.provider, self.external_id


@dataclass(frozen=True, slots=True)
class Planned:
    """One request: its bytes on the wire, and when it is sent after the start."""

    at_s: float
    wire: bytes
    expected: Expected


def store_id(company: CompanyAccess, provider: str) -> str:
    """Return the id of the company's only branch at a provider, as :mod:`benchmarks.speed.install` makes it."""
    return f"{company.slug}-{provider}"


def plan_orders(companies: Sequence[CompanyAccess], count: int, *, rate: float = 0.0, first: int = 0) -> list[Planned]:
    """Return so many new orders, ``rate`` a second (0: at once), of companies, providers and dialects in turns.

    ``first`` numbers them: the orders of two plans with numbers of their own are different ones.
    """
    now = datetime.now(UTC)
    return [
        _plan_order(companies[at % len(companies)], first + at, at // len(companies), at / rate if rate else 0.0, now)
        for at in range(count)
    ]


def _plan_order(company: CompanyAccess, number: int, turn: int, at_s: float, now: datetime) -> Planned:
    provider, dialect = WAYS[turn % len(WAYS)]
    sample = build_order(provider, dialect, number, store_id(company, provider), now)
    wire = sign(company, provider, dialect, sample, now + timedelta(seconds=AHEAD_S + at_s))
    return Planned(at_s, wire, expect(company.id, provider, sample))


def sign(company: CompanyAccess, provider: str, dialect: Dialect, sample: UnsignedSample, now: datetime) -> bytes:
    """Return a provider's request to a company as it goes over the wire, proved at a time."""
    signed = sign_sample(ADAPTERS[provider], dialect, sample, company.credentials[provider], now, str(uuid.uuid4()))
    path = f"{DOOR}/{provider}/{company.id}" + (f"/{signed.path}" if signed.path else "")
    return to_wire(path, signed)


def expect(company: str, provider: str, sample: UnsignedSample) -> Expected:
    """Return what has to be stored of a new order, as its adapter reads it."""
    adapter = ADAPTERS[provider]
    request = InboundRequest(body=sample.body(), headers=sample.headers, path=sample.path, method=sample.method)
    event = adapter.parse(request)[0]
    assert event.snapshot is not None
    snapshot = event.snapshot.in_currency(currency_digits(event.snapshot.currency or adapter.default_currency or "JOD"))
    lines = snapshot.lines or ()
    modifiers = sum(1 for line in lines for top in line.modifiers for _ in top.walk())
    total = snapshot.total if isinstance(snapshot.total, Decimal) else None
    return Expected(str(uuid.UUID(company)), provider, event.external_id, len(lines), modifiers, total)


def to_wire(path: str, request: InboundRequest) -> bytes:
    """Return a request as HTTP/1.1 over a connection that stays open."""
    headers = {**request.headers, "Host": "localhost", "Content-Length": str(len(request.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} {path} HTTP/1.1\r\n{head}\r\n".encode() + request.body


def write_plan(path: Path, requests: Iterable[Planned]) -> None:
    """Write times and bytes for the sender: a line of JSON, then the requests one after the other."""
    requests = list(requests)
    index = [[each.at_s, len(each.wire)] for each in requests]
    with path.open("wb") as file:
        file.write(json.dumps(index).encode() + b"\n")
        file.writelines(each.wire for each in requests)


def read_plan(path: Path) -> list[tuple[float, bytes]]:
    """Return what :func:`write_plan` wrote."""
    with path.open("rb") as file:
        index = json.loads(file.readline())
        return [(at_s, file.read(length)) for at_s, length in index]
