"""Careem: the list of orders, and one order whole.

Source: docs.careemnow.com, POS API 2.1.0: ``GET /orders`` and ``GET /orders/{id}``, in the form of the webhook's ``details``;
the groups of the list's items are empty, so an order is taken from ``GET /orders/{id}`` alone. Nothing we know of tells a
filter by time, pages, how far back the list goes, or what it stands in: so none of these is asked for, a bare list is read
as well as one under ``orders`` or ``data``, and whoever compares has to see from the answer how far it reaches.
"""

from __future__ import annotations

from urllib.parse import quote

from providers.careem.calls import API_PATH, CareemCalls
from providers.listing import ListedOrder, ListingError, OrderListing, Window, at_store, readable, without_faults
from providers.outbound import Api, OutboundAnswer, OutboundRequest

LISTS = ("orders", "data")


class CareemListing(OrderListing):
    """``GET /pos/api/v1/orders``: a header names the branch; the limit is 100 calls a minute."""

    def questions(self, window: Window, api: Api, store_id: str) -> tuple[OutboundRequest, ...]:
        """Return the only request there is, whatever the window."""
        return (self._get(f"{api.hosts.api}{API_PATH}/orders", store_id),)

    def read(self, question: OutboundRequest, answer: OutboundAnswer) -> list[ListedOrder]:
        """Return the orders of a list. Raises ListingError."""
        reader = readable(answer)
        rows = next((reader.at(name) for name in LISTS if isinstance(reader.at(name).value, list)), None)
        if rows is None:
            raise ListingError("The answer holds no list of orders.")
        orders = [
            ListedOrder(
                external_id=row.at("id").required_identifier(),
                status_word=row.at("status").word(),
                total=row.at("price.total_taxable_price").amount(),
                placed_at=row.at("created_at").time(),
            )
            for row in rows.objects()
        ]
        return without_faults(reader, orders)

    def order_request(self, external_id: str, api: Api, store_id: str) -> OutboundRequest:
        """Return the request for one order with its items' groups."""
        return self._get(f"{api.hosts.api}{API_PATH}/orders/{quote(external_id, safe='')}", store_id)

    @staticmethod
    def _get(url: str, store_id: str) -> OutboundRequest:
        return at_store(OutboundRequest(method="GET", url=url, headers=CareemCalls.headers), "Branch-Id", store_id)
