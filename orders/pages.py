"""What the pages share: who may see them, and the words for what a person can do and has to know."""

from __future__ import annotations

import hashlib
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.functional import Promise
from django.utils.http import quote_etag
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods

from orders.access import Access, find_access, named_company
from orders.contacts import mask_phone
from orders.counters import Window, counters
from orders.errors import failure, page_not_found, permission_denied
from orders.models import Order, Role
from orders.transitions import BY_PERSON
from providers.events import Status
from providers.registry import ADAPTERS

Text = str | Promise
P = ParamSpec("P")
FRAGMENT = "X-Fragment"
"""Our own script asks for a part of a page: what it may not have comes as a code, never as the sign-in page."""


def page_for(
    role: Role, *methods: str
) -> Callable[[Callable[Concatenate[HttpRequest, Access, P], HttpResponse]], Callable[..., HttpResponse]]:
    """Show a page to the members of its company who have at least ``role``, in the company's time zone.

    To others the company does not exist; a lesser role gets 403. A page that takes POST is protected by the CSRF token.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Access, P], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @require_http_methods(methods)
        @never_cache
        @ensure_csrf_cookie
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            is_fragment = FRAGMENT in request.headers
            if not request.user.is_authenticated:
                if is_fragment:
                    return JsonResponse(failure("not_authenticated", "The session has ended."), status=401)
                return redirect_to_login(request.get_full_path())
            wait_s = counters.exceeded(f"api:user:{request.user.pk}", [Window(settings.API_RATE_LIMIT_PER_MINUTE, 60)])
            if wait_s:
                return _too_many(request, wait_s, is_fragment)
            access = find_access(request.user, named_company(request))
            if access is None:
                if is_fragment:
                    return JsonResponse(failure("not_found", "This company does not exist."), status=404)
                return page_not_found(request)
            request.access = access  # type: ignore[attr-defined]
            if not access.at_least(role):
                if is_fragment:
                    return JsonResponse(failure("permission_denied", f"This needs the role {role.value}."), status=403)
                return permission_denied(request)
            with timezone.override(zoneinfo.ZoneInfo(access.company.time_zone)):
                return view(request, access, *args, **kwargs)

        return guarded

    return decorate


member_page = page_for(Role.STAFF, "GET", "HEAD")
"""A page that every member may read."""


def _too_many(request: HttpRequest, wait_s: int, is_fragment: bool) -> HttpResponse:
    message = f"Too many calls; try again in {wait_s} s."
    response: HttpResponse = (
        JsonResponse(failure("rate_limited", message), status=429)
        if is_fragment
        else render(request, "429.html", {"wait_s": wait_s}, status=429)
    )
    response.headers["Retry-After"] = str(wait_s)
    return response


# -- what a person can do ----------------------------------------------------------------------------------------------


PREP_TIME_STEP = "prep-time"
"""No status, but a step that a person takes: its path below the order's."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an order can take. One that ``asks`` opens a dialog first."""

    status: str
    label: Text
    asks: str = ""
    """``reason``, ``minutes`` or nothing."""


_PRIMARY: dict[Status, Text] = {
    Status.CONFIRMED: _("Accept"),
    Status.PREPARING: _("Start preparing"),
    Status.READY: _("Mark ready"),
    Status.OUT_FOR_DELIVERY: _("Hand over"),
    Status.DELIVERED: _("Mark delivered"),
}
_REFUSALS: dict[Status, Text] = {Status.REJECTED: _("Reject…"), Status.CANCELLED: _("Cancel…")}


def next_step(order: Order) -> Step | None:
    """Return the step forward, None for a finished order."""
    for status in BY_PERSON[Status(order.status)]:
        if status in _PRIMARY:
            return Step(status.value, _PRIMARY[status])
    return None


def other_steps(order: Order) -> list[Step]:
    """Return what else a person may do: accept with a time, name another time, reject, cancel."""
    allowed = BY_PERSON[Status(order.status)]
    steps = [Step(status.value, _REFUSALS[status], "reason") for status in allowed if status in _REFUSALS]
    if Status.CONFIRMED in allowed:
        steps.insert(0, Step(Status.CONFIRMED.value, _("Accept with a time…"), "minutes"))
    calls = ADAPTERS[order.provider].calls if order.provider in ADAPTERS else None
    in_preparation = Status.PREPARING in allowed or Status.READY in allowed
    if in_preparation and calls is not None and calls.changes_prep_time:
        steps.insert(0, Step(PREP_TIME_STEP, _("Change the time…"), "minutes"))
    return steps


STATUS_WORDS: dict[str, Text] = {
    Status.RECEIVED: _("New"),
    Status.CONFIRMED: _("Accepted"),
    Status.PREPARING: _("Preparing"),
    Status.READY: _("Ready"),
    Status.OUT_FOR_DELIVERY: _("On the way"),
    Status.DELIVERED: _("Delivered"),
    Status.FAILED: _("Failed"),
    Status.REJECTED: _("Rejected"),
    Status.CANCELLED: _("Cancelled"),
}


# -- what a person has to know -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attention:
    """Why an order is marked: a title for the list, what it means, and how it is mended."""

    code: str
    title: Text
    meaning: Text
    remedy: Text
    settled: Text = ""
    """What a person says who has looked; blank: it is mended elsewhere."""


_ATTENTION = {
    entry.code: entry
    for entry in (
        Attention(
            "amount_mismatch",
            _("Amounts do not add up"),
            _("The total that the provider sent differs from its lines, fees, tax and discount."),
            _(
                "Compare the amounts with the provider's own screen before you take money; the total is as they sent it."
            ),
            _("Compared: it is right"),
        ),
        Attention(
            "unmapped_item",
            _("Item not on the menu"),
            _("A line or an option has an id or a name that the menu does not know."),
            _("Read the line with care. To mend it, say on the page of the menu which product it is."),
        ),
        Attention(
            "provider_not_told",
            _("Provider was not told"),
            _("It did not take what the kitchen did: it may send no courier, or cancel the order."),
            _("Mend the cause and tell it again, or do the same on the provider's own device."),
            _("Done on the provider's device"),
        ),
        Attention(
            "unknown_branch",
            _("Unknown branch"),
            _("The provider's store id belongs to no branch, so the order stands at the default one."),
            _(
                "Check that this kitchen should cook it. An owner says once which branch the store is;"
                " the next orders go there."
            ),
            _("This kitchen cooks it"),
        ),
        Attention(
            "missing_customer",
            _("No customer"),
            _("The restaurant delivers this order, and the provider sent no name, phone or e-mail."),
            _("Ask the provider's support for the customer's contact before you dispatch."),
            _("The contact is known"),
        ),
        Attention(
            "unknown_currency",
            _("Unknown currency"),
            _("The currency is not in ISO 4217, so the decimals of the amounts are a guess."),
            _("Compare the amounts with the provider's own screen, and set the currency of the store."),
            _("Compared: it is right"),
        ),
    )
}


ATTENTION_TITLES: dict[str, Text] = {code: entry.title for code, entry in _ATTENTION.items()}


def attention_of(order: Order) -> list[Attention]:
    """Return the reasons why an order waits for a person; one that has no words yet is shown by its code."""
    return [_ATTENTION.get(code) or Attention(code, code, "", "") for code in order.attention_reasons]


def phone_for(access: Access, order: Order) -> str:
    """Return the customer's phone as this person may see it: masked for staff once the order is finished."""
    masked = order.is_finished and not access.at_least(Role.MANAGER)
    return mask_phone(order.customer_phone) if masked else order.customer_phone


def answer_if_changed(request: HttpRequest, body: str, content_type: str) -> HttpResponse:
    """Answer a part of a page with its tag; 304 to whoever has it already."""
    etag = quote_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
    response = get_conditional_response(request, etag=etag, response=None)
    response = response or HttpResponse(body, content_type=f"{content_type}; charset=utf-8")
    response.headers["ETag"] = etag
    return response


def uuid_or_none(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
