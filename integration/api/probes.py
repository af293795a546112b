"""``probes``: what probes from another place saw of this installation."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integration.api.reading import Fields, body_of
from integration.availability import DAYS, PROBE_PREFIX, STEP
from integration.models import AvailabilitySample
from orders.errors import ApiError, not_found
from orders.schema import extend_schema
from orders.times import floor_time

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
MOST_SAMPLES, MOST_PROBES = 500, 20
MOST_ASKED = 3_000
"""Of one probe in five minutes: ten a second is no probe any more."""


class ProbeReportView(APIView):
    """Takes the reports of ``manage.py probe``, for the installation's operators alone; it stands in no schema."""

    http_method_names = ["post"]
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """Keep what a probe saw, with ``PROBE_TOKEN``; without one there is nothing here. Safe to send twice."""
        if not settings.PROBE_TOKEN:
            raise not_found()
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not constant_time_compare(given.strip(), settings.PROBE_TOKEN):
            raise ApiError(401, "not_authenticated", "Send the probes' token, as Authorization: Bearer.")
        fields = Fields(body_of(request), ("probe", "samples"))
        name = fields.text("probe", 32, required=True)
        if name and not NAME.fullmatch(name):
            fields.fault("probe", "expected small letters, digits and hyphens")
        samples = _samples(fields, name, timezone.now())
        fields.check()
        _keep(PROBE_PREFIX + name, samples)
        return Response({"success": True, "data": {"probe": name, "kept": len(samples)}})


def _samples(fields: Fields, name: str, now: datetime) -> list[AvailabilitySample]:
    given: Any = fields.data.get("samples")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SAMPLES:
        fields.fault("samples", f"expected a list of 1 to {MOST_SAMPLES} objects")
        return []
    found: dict[datetime, AvailabilitySample] = {}
    for number, entry in enumerate(given):
        each = Fields(entry if isinstance(entry, dict) else {}, ("startedAt", "asked", "failed"), f"samples[{number}].")
        start = each.time("startedAt")
        asked = each.whole("asked", 1, MOST_ASKED, 0)
        failed = each.whole("failed", 0, max(asked, 0), 0)
        if not each.has("startedAt") or (start and start != floor_time(start, STEP)):
            each.fault("startedAt", "expected a time at a full five minutes")
        elif start and not now - timedelta(days=DAYS) <= start <= now:
            each.fault("startedAt", f"expected one of the last {DAYS} days")
        if not each.has("asked") or not each.has("failed"):
            each.fault("asked", "expected how many were asked, and how many failed")
        fields.faults.update(each.faults)
        if start and not each.faults:
            found[start] = AvailabilitySample(source=PROBE_PREFIX + name, started_at=start, asked=asked, failed=failed)
    return list(found.values())


def _keep(source: str, samples: list[AvailabilitySample]) -> None:
    """Write each five minutes; what is known of one with as many looks or more stays."""
    with transaction.atomic():
        known = {row.started_at: row for row in AvailabilitySample.objects.filter(
            source=source, started_at__in=[sample.started_at for sample in samples])}  # fmt: skip
        if not known:
            others = AvailabilitySample.objects.filter(source__startswith=PROBE_PREFIX).exclude(source=source)
            if others.order_by().values("source").distinct().count() >= MOST_PROBES:
                raise ApiError(409, "too_many_probes", f"There are at most {MOST_PROBES} probes.")
        new = [sample for sample in samples if sample.started_at not in known]
        AvailabilitySample.objects.bulk_create(new, ignore_conflicts=True)
        for sample in samples:
            row = known.get(sample.started_at)
            if row is not None and sample.asked > row.asked:
                AvailabilitySample.objects.filter(pk=row.pk).update(asked=sample.asked, failed=sample.failed)
