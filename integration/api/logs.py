"""``logs`` and ``replay``: what came in, one of it whole, and doing it again."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.log_shapes import (
    LOG_FILTERS,
    EventAnswer,
    EventPage,
    ReplayAnswer,
    ReplayManyRequest,
    ReplayRequest,
)
from integration.api.paging import page_of
from integration.api.reading import Fields, body_of, query_of
from integration.events import PROVIDERS, event_json, filter_events, visible_events, whole_event_json
from integration.inbox import NotReplayableError
from integration.models import WebhookLog, WebhookStatus
from integration.replaying import count_replay, replay_many, replay_one
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.errors import ApiError, not_found
from orders.models import Company, Role
from orders.schema import extend_schema, failures

FILTERS = ("provider", "status", "eventType", "since", "until", "externalOrderId", "fingerprint", "search")


def read_filter(fields: Fields, company: Company) -> dict[str, Any]:
    """Return what a list or a replay is narrowed to; raise ApiError with every fault."""
    zone = ZoneInfo(company.time_zone)
    wanted = {
        "provider": fields.words("provider", PROVIDERS),
        "status": fields.words("status", WebhookStatus.values),
        "eventType": fields.text("eventType", 64),
        "since": fields.time("since", zone),
        "until": fields.time("until", zone, is_end=True),
        "externalOrderId": fields.text("externalOrderId", 512),
        "fingerprint": fields.text("fingerprint", 64),
        "search": fields.text("search", 200),
    }
    fields.check()
    return wanted


class LogListView(CompanyAPIView):
    """The log, newest first."""

    @extend_schema(
        operation_id="logs_list",
        summary="List deliveries",
        description=(
            "Newest first. `status=duplicate` lists deliveries that came more than once. Whoever is limited to some branches"
            " sees the deliveries of their orders."
        ),
        parameters=[*LOG_FILTERS, *PAGE, *COMPANY],
        responses={200: EventPage, **failures(400, 404)},
        tags=["logs"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of deliveries."""
        logs = filter_events(
            visible_events(self.access), read_filter(query_of(request, "provider", "status"), self.company)
        )
        return page_of(request, logs, event_json, by="received_at")


class _EventView(CompanyAPIView):
    def find(self, event_id: uuid.UUID) -> WebhookLog:
        log = visible_events(self.access).select_related("company").filter(pk=event_id).first()
        if log is None:
            raise not_found("This event")
        return log


class LogView(_EventView):
    """One delivery whole."""

    @extend_schema(
        operation_id="logs_read",
        summary="Read one delivery whole",
        description=(
            "Headers with secrets redacted, the body as it came, every attempt. `bodyMissing` says why there is no body:"
            " `rejected`, `past_retention`, and for staff `order_finished` and `no_order`: a body holds the customer's contact."
        ),
        parameters=COMPANY,
        responses={200: EventAnswer, **failures(404)},
        tags=["logs"],
    )
    def get(self, request: Request, event_id: uuid.UUID) -> Response:
        """Answer the delivery."""
        return Response({"success": True, "data": whole_event_json(self.find(event_id), self.access)})


class ReplayView(_EventView):
    """One delivery again."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="logs_replay",
        summary="Replay one delivery",
        description="Processes the stored bytes again, now, and answers the delivery as it then is.",
        request=ReplayRequest,
        parameters=COMPANY,
        responses={
            200: EventAnswer,
            **failures(
                400, 404, s409="`not_replayable`: it succeeded (use `force`), was rejected, or is being worked on"
            ),
        },
        tags=["logs"],
    )
    def post(self, request: Request, event_id: uuid.UUID) -> Response:
        """Replay the delivery."""
        log = self.find(event_id)
        fields = Fields(body_of(request), ("force",))
        force = fields.flag("force", default=False)
        fields.check()
        was = log.status
        try:
            done = replay_one(self.access, log, force=force, request=request._request)
        except NotReplayableError as error:
            raise ApiError(409, "not_replayable", str(error), {"status": was}) from None
        return Response({"success": True, "data": whole_event_json(done, self.access)})


class ReplayManyView(CompanyAPIView):
    """Many deliveries again."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="replay_many",
        summary="Replay many deliveries",
        description=(
            "`filter` takes the names of the log's filters; provider and status may be lists. With `dryRun` nothing runs and"
            " `count` says how many would. Else the oldest are replayed first, at most 500 and for at most 20 s a call:"
            " `remaining` says how many were not tried. Go on with `filter.since` set to `lastReceivedAt`."
            " What succeeded is skipped unless `force`."
        ),
        request=ReplayManyRequest,
        parameters=COMPANY,
        responses={200: ReplayAnswer, **failures(400, 404)},
        tags=["logs"],
    )
    def post(self, request: Request) -> Response:
        """Count, or replay."""
        fields = Fields(body_of(request), ("filter", "dryRun", "force"))
        force, dry_run = fields.flag("force", default=False), fields.flag("dryRun", default=False)
        given = fields.data.get("filter")
        if not isinstance(given, dict):
            fields.fault("filter", "expected an object; {} means every delivery that can be replayed")
        fields.check()
        assert isinstance(given, dict)
        wanted = read_filter(Fields(given, FILTERS, prefix="filter."), self.company)
        matching = filter_events(visible_events(self.access), wanted)
        data: dict[str, Any] = {"dryRun": dry_run, **count_replay(matching, force=force)}
        if not dry_run:
            data |= replay_many(self.access, matching, given, force=force, request=request._request)
        return Response({"success": True, "data": data})
