"""``failures``: what waits for a person, by cause, and replaying a group of it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.log_shapes import ReplayAnswer
from integration.api.reading import Fields, body_of
from integration.api.shapes import Shape, maybe
from integration.events import visible_events
from integration.replaying import count_replay, replay_many
from integration.worklist import WAITING_FOR_PERSON, Cause, causes
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY
from orders.errors import not_found
from orders.models import Role
from orders.schema import extend_schema, failures
from orders.times import iso_time

FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def failure_json(cause: Cause) -> dict[str, Any]:
    """Return a group of failures as the API tells it."""
    return {
        "fingerprint": cause.fingerprint or None,
        "provider": cause.provider,
        "status": cause.status,
        "eventType": cause.event_type or None,
        "error": cause.error_code or None,
        "errorMessage": cause.error or None,
        "place": cause.place or None,
        "message": cause.message or None,
        "paths": cause.paths,
        "count": cause.count,
        "firstSeenAt": iso_time(cause.first_at),
        "lastSeenAt": iso_time(cause.last_at),
        "examples": [
            {
                "eventId": str(example.event_id),
                "externalOrderId": example.external_id or None,
                "receivedAt": iso_time(example.received_at),
            }
            for example in cause.examples
        ],
        "remedy": str(cause.remedy),
    }


class FailureExample(Shape):
    """A delivery of a group."""

    eventId = s.UUIDField()
    externalOrderId = maybe()
    receivedAt = s.DateTimeField()


class FailureGroup(Shape):
    """Deliveries of one provider that failed alike and wait for a person."""

    fingerprint = maybe("What they have in common; null for what was stored without one.")
    provider = s.CharField()
    status = s.ChoiceField(WAITING_FOR_PERSON)
    eventType = maybe()
    error = maybe()
    errorMessage = maybe("Of the newest.")
    place = maybe("File and function where the processing failed.")
    message = maybe("The exception's message without values.")
    paths = s.ListField(child=s.CharField(), help_text="Where the payloads are at fault.")
    count = s.IntegerField()
    firstSeenAt = s.DateTimeField()
    lastSeenAt = s.DateTimeField()
    examples = FailureExample(many=True)
    remedy = s.CharField()


class FailureGroups(Shape):
    """All groups: at most a hundred, the most frequent first."""

    results = FailureGroup(many=True)
    next = s.URLField(allow_null=True)


class ReplayGroupRequest(Shape):
    """Counting, or replaying."""

    dryRun = s.BooleanField(required=False, default=False)


class FailureListView(CompanyAPIView):
    """What waits, by cause."""

    @extend_schema(
        operation_id="failures_list",
        summary="List what waits for a person, by cause",
        description=(
            "Dead and quarantined deliveries, grouped by what they have in common: exception, place and message without"
            " values, or the paths at fault in the payload. At most a hundred groups, in one page."
        ),
        parameters=COMPANY,
        responses={200: FailureGroups, **failures(404)},
        tags=["logs"],
    )
    def get(self, request: Request) -> Response:
        """Answer the groups."""
        return Response({"results": [failure_json(cause) for cause in causes(self.access)], "next": None})


class ReplayGroupView(CompanyAPIView):
    """One group again."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="failures_replay",
        summary="Replay a group of failures",
        description="As `replay` with the filter `fingerprint`: the oldest first, at most 500 and for at most 20 s a call.",
        request=ReplayGroupRequest,
        parameters=COMPANY,
        responses={200: ReplayAnswer, **failures(400, 404)},
        tags=["logs"],
    )
    def post(self, request: Request, fingerprint: str) -> Response:
        """Count, or replay."""
        fields = Fields(body_of(request), ("dryRun",))
        dry_run = fields.flag("dryRun", default=False)
        fields.check()
        matching = visible_events(self.access).filter(fingerprint=fingerprint, status__in=WAITING_FOR_PERSON)
        if not FINGERPRINT.fullmatch(fingerprint) or not matching.exists():
            raise not_found("This group")
        if dry_run:
            return Response({"success": True, "data": {"dryRun": True, **count_replay(matching, force=False)}})
        given = {"fingerprint": fingerprint}
        done = replay_many(self.access, matching, given, force=False, request=request._request)
        return Response({"success": True, "data": {"dryRun": False, **done}})
