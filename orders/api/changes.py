"""What a client missed: the order events after a number, each as its socket frame."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import Access, CompanyAPIView
from orders.api import shapes
from orders.errors import ApiError
from orders.live import FRAME_FIELDS, order_frame
from orders.models import OrderEvent
from orders.pagination import MAX_LIMIT, invalid, read_limit, with_parameters
from orders.schema import Failure, extend_schema, failures
from orders.timeline import last_seq

MAX_SEQ = 2**63 - 1


class OrderChangesView(CompanyAPIView):
    """The order events after a number, in their order."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_changes",
        tags=["orders"],
        summary="List the order events after a number, oldest first",
        description=(
            "Every event has one number, and the numbers rise by one per company; those of branches that the caller does"
            " not see are left out. Follow `next` until it is null: the client is then at `lastSeq`. On 410 read the list"
            " of orders again and go on from `lastSeq`."
        ),
        parameters=[
            *shapes.COMPANY,
            OpenApiParameter(
                "since", int, required=True, description="The last number that the client has; 0 for none."
            ),
            shapes.limit_parameter(MAX_LIMIT),
        ],
        responses={
            200: shapes.ChangesPage,
            **failures(400, 404),
            410: OpenApiResponse(
                Failure,
                "`gone`: `details.since` says whether the number is older than what is kept, of a time before a backup was"
                " restored, or one that this installation has never given; `details.lastSeq` is where it stands",
            ),
        },
    )
    def get(self, request: Request) -> Response:
        since = read_since(request)
        limit = read_limit(request, default=MAX_LIMIT)
        # Before the events: a number that is read later could be of an event that this answer does not have.
        last = last_seq(self.company.id)
        refuse_what_is_gone(self.access, since, last)
        events = OrderEvent.objects.filter(company=self.company, seq__gt=since, seq__lte=last)
        if self.access.branch_ids is not None:
            events = events.filter(order__branch_id__in=self.access.branch_ids)
        page = list(events.select_related("order").only(*FRAME_FIELDS).order_by("seq")[: limit + 1])
        following = None
        if len(page) > limit:
            page = page[:limit]
            following = with_parameters(request, since=page[-1].seq)
        return Response(
            {"results": [order_frame(event.order, event) for event in page], "next": following, "lastSeq": last}
        )


def read_since(request: Request) -> int:
    """Return the number after which a client asks. Raises ApiError 400."""
    text = request.query_params.get("since", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_SEQ):
        raise invalid(since="expected the last number that you have, 0 for none")
    return int(text)


def refuse_what_is_gone(access: Access, since: int, last: int) -> None:
    """Raise ApiError 410 for a number from which the answer would have a gap."""
    details: dict[str, object] = {"lastSeq": last}
    if since > last:
        details["since"] = "this number has not been given yet"
        raise ApiError(410, "gone", f"The last event has the number {last}: read the orders again.", details)
    if since == last:
        return
    kept = OrderEvent.objects.filter(company=access.company, seq__isnull=False).order_by("seq")
    following = kept.filter(seq__gte=since).values_list("seq", flat=True).first()
    # The numbers rise by one: one that no event has, nor stands right before one, is of a time that was undone.
    if following in (since, since + 1):
        return
    oldest = kept.values_list("seq", flat=True).first()
    if oldest is None or since < oldest:
        details["since"] = "older than the events that are kept"
        raise ApiError(410, "gone", "Events after this number are not kept any more: read the orders again.", details)
    details["since"] = "of a time before a backup was restored"
    raise ApiError(410, "gone", "This installation was restored since then: read the orders again.", details)
