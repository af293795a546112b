"""The orders that are sent: the same for the same seed, and whole in the eyes of the adapters."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime

import pytest

from benchmarks.speed.payloads import WAYS, build_order
from orders.amounts import adds_up
from providers.base import InboundRequest
from providers.money import currency_digits
from providers.registry import ADAPTERS

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def body(provider: str, dialect: str, number: int, seed: int = 1) -> bytes:
    return build_order(provider, dialect, number, f"speed-0-{provider}", NOW, seed=seed).body()


def read(provider: str, dialect: str, number: int):
    sample = build_order(provider, dialect, number, f"speed-0-{provider}", NOW)
    request = InboundRequest(body=sample.body(), headers=sample.headers, path=sample.path, method=sample.method)
    return ADAPTERS[provider].parse(request)[0]


def test_the_same_seed_and_number_give_the_same_bytes():
    digest = hashlib.sha256()
    for (provider, dialect), number in itertools.product(WAYS, range(5)):
        assert body(provider, dialect, number) == body(provider, dialect, number)
        digest.update(body(provider, dialect, number))
    again = hashlib.sha256(b"".join(body(*way, number) for way, number in itertools.product(WAYS, range(5))))
    assert digest.hexdigest() == again.hexdigest()


def test_another_seed_gives_another_order():
    assert body("careem", "hub", 1) != body("careem", "hub", 1, seed=2)


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_every_number_is_an_order_of_its_own(way):
    assert len({read(*way, number).external_id for number in range(50)}) == 50


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_an_order_has_ten_lines_with_options_and_adds_up(way):
    for number in range(20):
        event = read(*way, number)
        currency = event.snapshot.currency or ADAPTERS[way[0]].default_currency or "JOD"
        digits = currency_digits(currency)
        snapshot = event.snapshot.in_currency(digits)
        options = sum(1 for line in snapshot.lines for top in line.modifiers for _ in top.walk())
        assert len(snapshot.lines) == 10
        assert 8 <= options <= 30
        assert snapshot.total is not None
        assert adds_up(snapshot, digits)
        assert event.warnings == ()


def test_people_have_names_in_arabic():
    names = {read("talabat", "hub", number).snapshot.customer.name for number in range(50)}
    arabic = {name for name in names if any("\u0600" <= letter <= "\u06ff" for letter in name)}
    assert len(names) > 20
    assert len(arabic) > 10
