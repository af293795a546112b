"""What a provider's list of orders is asked for with, and what is read in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.careem.listing import CareemListing
from providers.listing import ListedOrder, ListingError, Window
from providers.outbound import Api, Hosts, OutboundAnswer, OutboundRequest
from providers.registry import ADAPTERS
from providers.talabat.listing import TalabatListing

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
API = Api(Hosts("https://api.example.com", "https://auth.example.com"), {"chainCode": "chain/1"})
CAREEM, TALABAT = CareemListing(), TalabatListing()
QUESTION = OutboundRequest(method="GET", url="https://api.example.com/ids?status=cancelled")


def window(hours: float) -> Window:
    return Window(NOW - timedelta(hours=hours), NOW, NOW)


def answer(document: Any, **fields: Any) -> OutboundAnswer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return OutboundAnswer(status=200, body=body, **fields)


def test_careem_names_the_branch_in_a_header():
    (question,) = CAREEM.questions(window(3), API, "branch-1")
    assert (question.method, question.url) == ("GET", "https://api.example.com/pos/api/v1/orders")
    assert question.headers["Branch-Id"] == "branch-1"
    assert "User-Agent" in question.headers
    (question,) = CAREEM.questions(window(3), API, "فرع")
    assert "Branch-Id" not in question.headers


ROW = {
    "id": 62500001,
    "status": "PENDING",
    "price": {"total_taxable_price": 35.4},
    "created_at": "2026-03-10T11:00:00Z",
}


@pytest.mark.parametrize("document", [[ROW], {"orders": [ROW]}, {"data": [ROW], "meta": {}}])
def test_careems_list_is_read_wherever_it_stands(document):
    assert CAREEM.read(QUESTION, answer(document)) == [
        ListedOrder(
            external_id="62500001", status_word="pending", total=Decimal("35.4"),
            placed_at=datetime(2026, 3, 10, 11, 0, tzinfo=UTC),
        )
    ]  # fmt: skip


def test_what_careems_list_does_not_tell_is_unknown():
    assert CAREEM.read(QUESTION, answer([{"id": 1}])) == [ListedOrder(external_id="1")]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<html>", "The answer is not the JSON that was asked for."),
        (b"[1, NaN]", "The answer is not the JSON that was asked for."),
        ({"orders": {}}, "The answer holds no list of orders."),
        ([ROW, 7], "The list cannot be read: orders[1]."),
        ([{"id": "", "price": {"total_taxable_price": "x"}}],
         "The list cannot be read: orders[0].id, orders[0].price.total_taxable_price."),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_no_empty_list(document, said):
    with pytest.raises(ListingError) as caught:
        CAREEM.read(QUESTION, answer(document))
    assert str(caught.value) == said


def test_a_list_that_was_cut_is_not_read():
    with pytest.raises(ListingError, match="longer than a megabyte"):
        CAREEM.read(QUESTION, answer([ROW], is_cut=True))


@pytest.mark.parametrize(("hours", "asked"), [(0.5, "1"), (3, "3"), (3.1, "4"), (24, "24"), (40, "24")])
def test_talabat_is_asked_in_whole_hours_a_day_at_most(hours, asked):
    accepted, cancelled = TALABAT.questions(window(hours), API, "AMM 1")
    base = "https://api.example.com/v2/chains/chain%2F1/orders/ids?status="
    assert accepted.url == f"{base}accepted&pastNumberOfHours={asked}&vendorId=AMM+1"
    assert cancelled.url == f"{base}cancelled&pastNumberOfHours={asked}&vendorId=AMM+1"


def test_talabats_ids_have_the_status_that_was_asked_for():
    found = TALABAT.read(QUESTION, answer({"orderIdentifiers": ["a", "b"], "count": 2}))
    assert found == [ListedOrder(external_id=each, status_word="cancelled") for each in ("a", "b")]


@pytest.mark.parametrize("document", [{"count": 0}, {"orderIdentifiers": None}, {"orderIdentifiers": [None]}])
def test_talabat_without_ids_is_no_empty_report(document):
    with pytest.raises(ListingError):
        TALABAT.read(QUESTION, answer(document))


def test_one_order_is_asked_for_by_its_escaped_id():
    assert TALABAT.order_request("a/b", API, "").url == "https://api.example.com/v2/chains/chain%2F1/orders/a%2Fb"
    assert CAREEM.order_request("1/2", API, "b").url == "https://api.example.com/pos/api/v1/orders/1%2F2"


def test_the_provider_that_lists_orders_takes_calls():
    assert {slug: adapter.listing is not None for slug, adapter in ADAPTERS.items()} == {
        "careem": True, "talabat": True, "deliveroo": False, "jahez": False,
    }  # fmt: skip
    assert all(adapter.calls for adapter in ADAPTERS.values() if adapter.listing)
