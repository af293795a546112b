"""``/api/availability``: the installation's objective and its budget, for those who run it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integration.api.shapes import Shape, answer_shape, maybe_time
from integration.availability import (
    ALLOWED,
    BUDGET_MINUTES,
    DAYS,
    SHOWN_FAILURES,
    SHOWN_WINDOWS,
    Availability,
    Measure,
    State,
    Step,
    measure,
)  # fmt: skip
from orders.errors import not_found
from orders.schema import extend_schema, failures
from orders.times import iso_time

DIGITS = 4

AvailabilityBurn = type(
    "AvailabilityBurn",
    (Shape,),
    {
        **{window: s.FloatField(allow_null=True) for window in SHOWN_WINDOWS},
        "__doc__": "How many times as fast as allowed, over each window; 1 makes the budget last 30 days. Null: nothing asked.",
    },
)


class AvailabilityFailure(Shape):
    """Five minutes in which something failed."""

    startedAt = s.DateTimeField()
    asked = s.IntegerField()
    failed = s.IntegerField()
    minutes = s.FloatField(help_text="How long of it the installation was away, as far as it was asked.")


class AvailabilityMeasure(Shape):
    """One of the two measures over 30 days."""

    name = s.CharField(help_text="`probes`: seen from outside; `webhooks`: requests answered 5xx.")
    state = s.ChoiceField([state.value for state in State], help_text="`unknown`: nothing was asked.")
    since = maybe_time()
    asked = s.IntegerField()
    failed = s.IntegerField()
    availablePercent = s.FloatField(allow_null=True, help_text="Cut and not rounded; null where nothing was asked.")
    spentMinutes = s.FloatField()
    leftMinutes = s.FloatField(help_text="Below 0 where more was spent than there was.")
    burn = AvailabilityBurn()
    failures = AvailabilityFailure(many=True, help_text=f"The newest first, {SHOWN_FAILURES} at most.")


class AvailabilityProbe(Shape):
    """A probe that has reported within 30 days."""

    name = s.CharField()
    heardAt = s.DateTimeField(help_text="The last five minutes of which it told.")
    isSilent = s.BooleanField()


class AvailabilityData(Shape):
    """The objective, what is left of its budget, and how fast it burns."""

    objectivePercent = s.FloatField()
    days = s.IntegerField()
    budgetMinutes = s.FloatField()
    checkedAt = s.DateTimeField()
    worse = s.CharField(help_text="The measure of which less is left: it counts.")
    measures = AvailabilityMeasure(many=True)
    probes = AvailabilityProbe(many=True)


AvailabilityAnswer = answer_shape("AvailabilityAnswer", AvailabilityData())


class AvailabilityView(APIView):
    """The numbers of ``/availability/``; to all but operators it does not exist."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="availability_read",
        summary="Read how available the installation was",
        description=(
            "For operators of the installation (superusers and their tokens); to others it does not exist. 30 days, measured"
            " twice: by probes from outside, and by the part of webhook requests that was answered 5xx."
        ),
        responses={200: AvailabilityAnswer, **failures(404)},
        tags=["status"],
    )
    def get(self, request: Request) -> Response:
        """Answer the numbers."""
        if not request.user.is_superuser:
            raise not_found("This path")
        return Response({"success": True, "data": availability_json(measure(timezone.now()))})


def availability_json(found: Availability) -> dict[str, Any]:
    """Return both measures with the budget that they are held against."""
    return {
        "objectivePercent": _rounded((1 - ALLOWED) * 100),
        "days": DAYS,
        "budgetMinutes": _rounded(BUDGET_MINUTES),
        "checkedAt": iso_time(found.now),
        "worse": found.worse.name,
        "measures": [_measure(each) for each in found.measures],
        "probes": [
            {"name": name, "heardAt": iso_time(at), "isSilent": name in found.silent_probes}
            for name, at in found.heard_at.items()
        ],
    }


def _measure(each: Measure) -> dict[str, Any]:
    return {
        "name": each.name,
        "state": each.state.value,
        "since": iso_time(each.since),
        "asked": each.asked,
        "failed": each.failed,
        "availablePercent": each.percent if each.steps else None,
        "spentMinutes": _rounded(each.spent_minutes),
        "leftMinutes": _rounded(each.left_minutes),
        "burn": {window: None if burn is None else _rounded(burn) for window, burn in each.burns().items()},
        "failures": [_step(step) for step in each.last_failures()],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "startedAt": iso_time(step.start),
        "asked": step.asked,
        "failed": step.failed,
        "minutes": _rounded(step.minutes),
    }


def _rounded(number: float) -> float:
    return round(number, DIGITS)
