"""Which orders a provider says that there were: an adapter builds the questions and reads the answers; it never asks.

Plain Python like the rest of the adapters: no models, no clock, no network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from providers.outbound import Api, OutboundAnswer, OutboundRequest
from providers.payload import Reader
from providers.signatures import InboundRequest


class ListingError(Exception):
    """An answer that cannot be read as what was asked for; the message says why, without a value of it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time from ``since`` on and before ``until``, both UTC; ``now`` is when it is asked for."""

    since: datetime
    until: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOrder:
    """An order as its provider lists it. None and ``""``: the list does not tell."""

    external_id: str
    status_word: str = ""
    """The provider's word, in lower case."""
    total: Decimal | None = None
    """In major units of the order's currency, which no list names."""
    placed_at: datetime | None = None


class OrderListing:
    """One provider's lists of orders. A subclass gives the facts; safe to share between threads."""

    secret_fields: ClassVar[tuple[str, ...]] = ()
    """The credential's fields that a list needs besides those of every call."""
    reach: ClassVar[timedelta] = timedelta(hours=24)
    """How far back a list goes at most."""
    names_every_status: ClassVar[bool] = True
    """Whether an order stands in a list whatever its status; else those that nobody accepted are missing there."""
    is_bounded: ClassVar[bool] = False
    """Whether a list is known to hold the whole window; else it may end anywhere before."""

    def missing(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """Return the credential's fields that are needed and not set."""
        return tuple(name for name in self.secret_fields if not secrets.get(name))

    def questions(self, window: Window, api: Api, store_id: str) -> tuple[OutboundRequest, ...]:
        """Return the requests that list one branch's orders of a window, without authorization. Pure.

        ``store_id`` is ``""`` where no branch is known.
        """
        raise NotImplementedError

    def read(self, question: OutboundRequest, answer: OutboundAnswer) -> list[ListedOrder]:
        """Return what an answer lists, orders of other times included. Raises ListingError."""
        raise NotImplementedError

    def next_page(self, question: OutboundRequest, answer: OutboundAnswer) -> OutboundRequest | None:
        """Return the request for what follows an answer; None where it was the last, or where there are no pages."""
        return None

    def order_request(self, external_id: str, api: Api, store_id: str) -> OutboundRequest:
        """Return the request for one order whole. ``store_id`` is the branch's whose list named it, ``""`` if unknown."""
        raise NotImplementedError

    def delivery_of(self, answer: OutboundAnswer) -> InboundRequest:
        """Return the answer to ``order_request`` as the delivery that never came: its bytes, for the adapter to read."""
        content_type = answer.headers.get("content-type", "application/json")
        return InboundRequest(body=answer.body, headers={"content-type": content_type}, method="GET")


def readable(answer: OutboundAnswer) -> Reader:
    """Return a reader of an answer that is a JSON object, or a list, which then stands at ``orders``. Raises ListingError."""
    if answer.is_cut:
        raise ListingError("The answer is longer than a megabyte.")
    document, faults = InboundRequest(body=answer.body, headers={}).document
    if isinstance(document, list):
        document = {"orders": document}
    if faults or not isinstance(document, dict):
        raise ListingError("The answer is not the JSON that was asked for.")
    return Reader.from_document(document, {})


def without_faults(reader: Reader, orders: list[ListedOrder]) -> list[ListedOrder]:
    """Return the orders where the reader found no fault. Raises ListingError naming the paths at fault."""
    if reader.faults:
        raise ListingError(f"The list cannot be read: {', '.join(list(reader.faults)[:5])}.")
    return orders


def at_store(question: OutboundRequest, header: str, store_id: str) -> OutboundRequest:
    """Return a request that names a branch in a header, where its id can stand in one."""
    if not store_id or not store_id.isascii() or not store_id.isprintable():
        return question
    return dataclasses.replace(question, headers={**question.headers, header: store_id})
