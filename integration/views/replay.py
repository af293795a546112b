"""Replaying from a page: one delivery, or all that match a filter, after a look at how many they are."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from integration.events import filter_events, visible_events
from integration.inbox import NotReplayableError
from integration.replaying import MAX_REPLAYS, count_replay, replay_many, replay_one
from integration.views.acting import acted, missing
from integration.views.webhooks import filter_of, page_context
from integration.worklist import WAITING_FOR_PERSON
from orders.access import Access
from orders.models import Role
from orders.pages import page_for


@page_for(Role.MANAGER, "POST")
def one(request: HttpRequest, access: Access, event_id: uuid.UUID) -> HttpResponse:
    """Replay a delivery; ``force`` replays one that succeeded."""
    log = visible_events(access).select_related("company").filter(pk=event_id).first()
    if log is None:
        return missing(request)
    try:
        done = replay_one(access, log, force=request.POST.get("force") == "true", request=request)
    except NotReplayableError as error:
        return acted(request, "webhook", event_id, message=str(error), ok=False, code="not_replayable")
    message = _("Replayed; it is now: %(status)s.") % {"status": done.get_status_display()}
    return acted(request, "webhook", event_id, message=message)


@page_for(Role.MANAGER, "GET", "HEAD", "POST")
def many(request: HttpRequest, access: Access) -> HttpResponse:
    """Count what a filter matches and a replay would run; with POST, replay it. Without a status: all that waits."""
    given, wanted, faults = filter_of(request, access)
    if not faults and not wanted["status"]:
        wanted["status"] = list(WAITING_FOR_PERSON)
        given["status"] = ",".join(WAITING_FOR_PERSON)
    context = {**page_context(access), "given": given, "faults": faults, "most": MAX_REPLAYS, "is_filtered": True}
    if faults:
        return render(request, "integration/replay.html", context, status=400)
    matching = filter_events(visible_events(access), wanted)
    if request.method == "POST":
        named = {name: text for name, text in given.items() if text}
        context["done"] = replay_many(access, matching, named, force=False, request=request)
    return render(request, "integration/replay.html", context | {"dry": count_replay(matching, force=False)})
