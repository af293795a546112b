"""``alert-channels`` and ``alert-thresholds``: how alerts reach people, and from when on something is one."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from integration.alerting.channels import (
    Written,
    add_channel,
    change_channel,
    channel_json,
    channels_of,
    find_channel,
    remove_channel,
)
from integration.alerting.thresholds import of_companies, set_thresholds, thresholds_of
from integration.alerting.trying import try_channel
from integration.api.alert_channel_shapes import (
    ChannelAnswer,
    ChannelChange,
    ChannelListAnswer,
    ChannelRemovedAnswer,
    ChannelRequest,
    ChannelTestAnswer,
    NoticePage,
    ThresholdsAnswer,
    ThresholdsRequest,
)
from integration.api.outbound import is_ok
from integration.api.paging import page_of
from integration.api.reading import Fields, body_of
from integration.models import AlertChannel, AlertNotice
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.errors import not_found
from orders.models import Role
from orders.schema import extend_schema, failures
from orders.times import iso_time

_OWNERS = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Role.OWNER)


def notice_json(notice: AlertNotice) -> dict[str, Any]:
    """Return a notice with its attempts, as the API tells it."""
    return {
        "id": str(notice.id),
        "kind": notice.kind,
        "cause": notice.cause or None,
        "title": notice.content.get("title") or None,
        "status": notice.status,
        "error": notice.error or None,
        "createdAt": iso_time(notice.created_at),
        "nextAttemptAt": iso_time(notice.next_attempt_at),
        "finishedAt": iso_time(notice.finished_at),
        "attempts": [
            {
                "number": attempt.number,
                "outcome": attempt.outcome,
                "error": attempt.error or None,
                "responseStatus": attempt.response_status,
                "startedAt": iso_time(attempt.started_at),
                "durationMs": attempt.duration_ms,
            }
            for attempt in notice.attempt_set.all()
        ],
    }


class _OwnersView(CompanyAPIView):
    role_required: ClassVar[dict[str, Role]] = _OWNERS

    def find(self, channel_id: uuid.UUID) -> AlertChannel:
        channel = find_channel(self.company, channel_id)
        if channel is None:
            raise not_found("This channel")
        return channel

    def written(self, written: Written, status: int = 200) -> Response:
        """Answer a channel that was written, with a signing secret that is new: this once."""
        once = {"signingSecret": written.secret} if written.secret else {}
        return Response({"success": True, "data": channel_json(written.channel) | once}, status)


class AlertChannelListView(_OwnersView):
    """Every channel, and one more."""

    @extend_schema(
        operation_id="alert_channels_list",
        summary="List the channels",
        description="By name; at most twenty. Addresses and secrets are masked.",
        parameters=COMPANY,
        responses={200: ChannelListAnswer, **failures(404)},
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        """Answer all channels."""
        return Response({"success": True, "data": [channel_json(channel) for channel in channels_of(self.company)]})

    @extend_schema(
        operation_id="alert_channels_add",
        summary="Add a channel",
        description=(
            "`email` wants `emails`; `webhook` and `slack` want `url`, https and on the public internet. A webhook is signed by"
            " the Standard Webhooks specification: `signingSecret` is answered this once (`secret` sets one of your own)."
            " Whoever should hear only of what nobody acknowledged gets `onlyEscalations`, and stands in another channel's"
            " `escalateTo`."
        ),
        request=ChannelRequest,
        parameters=COMPANY,
        responses={201: ChannelAnswer, **failures(400, 404, s409="`too_many_channels`")},
        tags=["alerts"],
    )
    def post(self, request: Request) -> Response:
        """Add a channel."""
        written = add_channel(self.company, body_of(request), user=self.access.user, request=request._request)
        return self.written(written, 201)


class AlertChannelView(_OwnersView):
    """One channel."""

    @extend_schema(
        operation_id="alert_channels_read",
        summary="Read a channel",
        parameters=COMPANY,
        responses={200: ChannelAnswer, **failures(404)},
        tags=["alerts"],
    )
    def get(self, request: Request, channel_id: uuid.UUID) -> Response:
        """Answer the channel."""
        return Response({"success": True, "data": channel_json(self.find(channel_id))})

    @extend_schema(
        operation_id="alert_channels_change",
        summary="Change a channel",
        description=(
            'Only what is named. `secret: "new"` makes a new signing secret; the one before signs beside it for 24 hours.'
        ),
        request=ChannelChange,
        parameters=COMPANY,
        responses={200: ChannelAnswer, **failures(400, 404)},
        tags=["alerts"],
    )
    def patch(self, request: Request, channel_id: uuid.UUID) -> Response:
        """Change the channel."""
        found = self.find(channel_id)
        return self.written(change_channel(found, body_of(request), user=self.access.user, request=request._request))

    @extend_schema(
        operation_id="alert_channels_remove",
        summary="Remove a channel",
        description="With its secrets and all that it was sent.",
        parameters=COMPANY,
        responses={200: ChannelRemovedAnswer, **failures(404)},
        tags=["alerts"],
    )
    def delete(self, request: Request, channel_id: uuid.UUID) -> Response:
        """Remove the channel."""
        remove_channel(self.find(channel_id), user=self.access.user, request=request._request)
        return Response({"success": True, "data": {"id": str(channel_id), "deleted": True}})


class TestAlertChannelView(_OwnersView):
    """Try a channel."""

    @extend_schema(
        operation_id="alert_channels_test",
        summary="Test a channel",
        description="Sends a message now, and answers each step. 200 either way; `data.ok` tells.",
        request=None,
        parameters=COMPANY,
        responses={200: ChannelTestAnswer, **failures(404)},
        tags=["alerts"],
    )
    def post(self, request: Request, channel_id: uuid.UUID) -> Response:
        """Test the channel."""
        steps = try_channel(self.find(channel_id), user=self.access.user, request=request._request)
        return Response({"success": True, "data": {"ok": is_ok(steps), "steps": [step.as_json() for step in steps]}})


class AlertNoticeListView(_OwnersView):
    """What a channel was sent."""

    @extend_schema(
        operation_id="alert_channels_notices",
        summary="List what a channel was sent",
        description="Newest first, each with every attempt.",
        parameters=[*PAGE, *COMPANY],
        responses={200: NoticePage, **failures(400, 404)},
        tags=["alerts"],
    )
    def get(self, request: Request, channel_id: uuid.UUID) -> Response:
        """Answer a page of notices."""
        notices = self.find(channel_id).notices.prefetch_related("attempt_set")
        return page_of(request, notices, notice_json, by="created_at")


class AlertThresholdsView(_OwnersView):
    """From when on something is an alert."""

    @extend_schema(
        operation_id="alert_thresholds_read",
        summary="Read the thresholds",
        parameters=COMPANY,
        responses={200: ThresholdsAnswer, **failures(404)},
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        """Answer the thresholds."""
        return Response({"success": True, "data": thresholds_of(self.company)})

    @extend_schema(
        operation_id="alert_thresholds_change",
        summary="Change thresholds",
        description="Only what is named; null for the default, 0 turns a rule off.",
        request=ThresholdsRequest,
        parameters=COMPANY,
        responses={200: ThresholdsAnswer, **failures(400, 404)},
        tags=["alerts"],
    )
    def patch(self, request: Request) -> Response:
        """Change thresholds."""
        wanted = read_thresholds(body_of(request))
        data = set_thresholds(self.company, wanted, user=self.access.user, request=request._request)
        return Response({"success": True, "data": data})


def read_thresholds(data: dict[str, Any]) -> dict[str, int | None]:
    """Read thresholds by name, None for the default. Raises ApiError with every fault by field."""
    known = of_companies()
    fields = Fields(data, [entry.name for entry in known])
    wanted: dict[str, int | None] = {}
    for entry in known:
        if entry.name in data:
            value = data[entry.name]
            wanted[entry.name] = None if value is None else fields.whole(entry.name, 0, entry.most, entry.default)
    if not data:
        fields.fault("body", "expected at least one field to set")
    fields.check()
    return wanted
