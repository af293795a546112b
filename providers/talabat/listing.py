"""Talabat: the report of Delivery Hero's POS middleware.

Source: ``middlewareExternalApi.yaml``, "POS Order Report Service": ``GET /v2/chains/{chainCode}/orders/ids`` answers
``{"orderIdentifiers": [...], "count": n}`` for ``accepted`` or ``cancelled`` orders of the last 1 to 24 hours, of one vendor
where ``vendorId`` names it; ``GET /v2/chains/{chainCode}/orders/{orderId}`` answers ``{"order": …}``, the dispatch with its
``status``. The chain's code comes with the account. An order that nobody has accepted stands in neither list.
"""

from __future__ import annotations

import math
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from providers.listing import ListedOrder, ListingError, OrderListing, Window, readable, without_faults
from providers.outbound import Api, OutboundAnswer, OutboundRequest

STATUSES = ("accepted", "cancelled")
MAX_HOURS = 24


class TalabatListing(OrderListing):
    """Two lists of ids for each branch, which is named: other companies' branches may be of the same chain."""

    secret_fields = ("chainCode",)
    reach = timedelta(hours=MAX_HOURS)
    names_every_status = False
    is_bounded = True

    def questions(self, window: Window, api: Api, store_id: str) -> tuple[OutboundRequest, ...]:
        """Return the requests of a window: whole hours back from now, 24 at most."""
        hours = math.ceil((window.now - window.since) / timedelta(hours=1))
        asked = {"pastNumberOfHours": str(min(max(hours, 1), MAX_HOURS))}
        return tuple(
            OutboundRequest(
                method="GET",
                url=f"{self._orders(api)}/ids?"
                + urlencode({"status": status, **asked, **({"vendorId": store_id} if store_id else {})}),
            )
            for status in STATUSES
        )

    def read(self, question: OutboundRequest, answer: OutboundAnswer) -> list[ListedOrder]:
        """Return the ids of a list, with the status that was asked for. Raises ListingError."""
        reader = readable(answer)
        ids = reader.at("orderIdentifiers")
        if not isinstance(ids.value, list):
            raise ListingError("The answer holds no orderIdentifiers.")
        word = parse_qs(urlsplit(question.url).query)["status"][0]
        orders = [ListedOrder(external_id=each.required_identifier(), status_word=word) for each in ids.items()]
        return without_faults(reader, orders)

    def order_request(self, external_id: str, api: Api, store_id: str) -> OutboundRequest:
        """Return the request for one order's dispatch."""
        return OutboundRequest(method="GET", url=f"{self._orders(api)}/{quote(external_id, safe='')}")

    @staticmethod
    def _orders(api: Api) -> str:
        return f"{api.hosts.api}/v2/chains/{quote(api.secrets['chainCode'], safe='')}/orders"
