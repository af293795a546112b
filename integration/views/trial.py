"""``/webhooks/test/``: try a payload, edited or as a provider sends it, and send it as a test order."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from integration.deliveries import readable
from integration.events import visible_events, whole_event_json
from integration.mapping import as_text
from integration.trial import OrderExistsError, TrialFailedError, carry_out, payload_request, sample_requests
from integration.views.webhooks import page_context
from orders.access import Access
from orders.models import Role
from orders.pages import page_for, uuid_or_none
from providers.base import InboundRequest, ProviderAdapter
from providers.payload import PayloadError
from providers.registry import ADAPTERS
from providers.samples import Dialect, UnknownSampleError, sample_events

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


@dataclasses.dataclass(slots=True)
class Tried:
    """What is in the form. ``before`` is the creation that a sample about a known order needs first."""

    adapter: ProviderAdapter
    dialect: Dialect = "hub"
    event: str = "created"
    payload: str = ""
    path: str = ""
    method: str = "POST"
    before: str = ""
    before_path: str = ""

    @property
    def events(self) -> list[str]:
        return list(sample_events(self.adapter.slug, self.dialect))

    def requests(self) -> list[InboundRequest]:
        """Return what is to be run, the creation first."""
        found = [_request(self.payload, self.path, self.method)]
        return [_request(self.before, self.before_path, "POST"), *found] if self.before.strip() else found


@page_for(Role.MANAGER, "GET", "HEAD", "POST")
def trial(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the form with a sample or a stored payload; with POST, what the payload does."""
    form = _read(request)
    context: dict[str, Any] = {
        **page_context(access),
        "form": form,
        "adapters": ADAPTERS.values(),
        "dialects": DIALECTS,
    }
    context["test_url"] = f"{settings.APP_BASE_URL}/api/integration/webhook/{form.adapter.slug}/test"
    if request.method == "POST":
        return render(request, "integration/trial.html", context | _run(request, access, form))
    named = uuid_or_none(request.GET.get("from", ""))
    log = visible_events(access).filter(pk=named).first() if named else None
    if log is not None:
        _take_stored(form, readable((whole_event_json(log, access)["body"] or "").encode()), log.path, log.method)
    else:
        _take_sample(form, access)
    return render(request, "integration/trial.html", context | {"log": log})


def _read(request: HttpRequest) -> Tried:
    """Read the form; what is not valid falls back to what it would be without it."""
    given = request.POST if request.method == "POST" else request.GET
    adapter = ADAPTERS.get(given.get("provider", "")) or next(iter(ADAPTERS.values()))
    dialect: Dialect = "native" if given.get("dialect") == "native" else "hub"
    form = Tried(adapter, dialect)
    form.event = given.get("event", "") if given.get("event") in form.events else form.events[0]
    if request.method == "POST":
        form.payload, form.before = given.get("payload", ""), given.get("before", "")
        form.path, form.before_path = given.get("path", "")[:500], given.get("beforePath", "")[:500]
        methods = adapter.methods(form.path) or ("POST",)
        form.method = given.get("method", "") if given.get("method") in methods else methods[0]
    return form


def _take_stored(form: Tried, text: str, path: str, method: str) -> None:
    form.payload, form.path, form.method = text, path, method


def _take_sample(form: Tried, access: Access) -> None:
    """Fill in a fresh sample. A provider's samples are all there: the events come from the same table."""
    try:
        *before, told = sample_requests(access.company, form.adapter, form.dialect, form.event, timezone.now())
    except UnknownSampleError:
        return
    form.payload, form.path, form.method = readable(told.body), told.path, told.method
    if before:
        form.before, form.before_path = readable(before[0].body), before[0].path


def _request(text: str, path: str, method: str) -> InboundRequest:
    return dataclasses.replace(payload_request(text), path=path, method=method)


def _run(request: HttpRequest, access: Access, form: Tried) -> dict[str, Any]:
    """Try the payload, or send it for real; return what to show of it."""
    dry_run = request.POST.get("action") != "send"
    try:
        done = carry_out(access, form.adapter, form.requests(), dry_run=dry_run, http_request=request)
    except PayloadError as error:
        return {"faults": error.details or {"body": str(error)}}
    except OrderExistsError as error:
        return {"exists": error.order}
    except TrialFailedError as error:
        return {"failed": str(error)}
    reasons = (done.order or {}).get("attentionReasons", [])
    return {
        "done": done,
        "dry_run": dry_run,
        "order_text": as_text(done.order) if done.order else "",
        "reasons": reasons,
    }
