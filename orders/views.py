"""The pages of the staff: sign-in, the live order stream."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from orders.access import Access
from orders.business_day import hour_start
from orders.forms import OPEN, RevenueFilter, StreamFilter
from orders.held import held
from orders.models import Branch, Order, OrderItem
from orders.pages import answer_if_changed, member_page, uuid_or_none
from orders.revenue import read_query, revenue_json
from orders.security.sign_in import SignInForm
from orders.timeline import last_seq
from providers.registry import ADAPTERS

PAGE_SIZE = 50
SHOWN_LINES = 3
REVENUE_HOLD_S = 15
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SignInView(LoginView):
    """Sign a person in; after too many wrong passwords, wait."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        wait_s = getattr(form, "wait_s", 0)
        response = self.render_to_response(self.get_context_data(form=form, wait_s=wait_s))
        if wait_s:
            response.status_code = 429
            response.headers["Retry-After"] = str(wait_s)
        return response


@require_safe
def providers_css(request: HttpRequest) -> HttpResponse:
    """Serve the badge colours of the adapters: a provider's folder is all that it needs, and styles are never inline."""
    rules = "".join(f".provider-{slug}{{--provider:{adapter.colour}}}\n" for slug, adapter in ADAPTERS.items())
    etag = f'"{hashlib.sha256(rules.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(rules, content_type="text/css; charset=utf-8", headers=headers)


# -- the stream --------------------------------------------------------------------------------------------------------


@member_page
def stream(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the newest orders; the page's script keeps them up to date."""
    return render(request, "orders/stream.html", _stream_context(request, access))


def draw_rows(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the stream's rows alone: those of ``id``, as far as they match the filter, else the newest."""
    return render(request, "orders/_rows.html", _stream_context(request, access))


rows = member_page(draw_rows)


def _stream_context(request: HttpRequest, access: Access) -> dict[str, Any]:
    # The number is read before the orders: what is committed in between comes again, never not at all.
    seq = last_seq(access.company.id)
    form = StreamFilter(request.GET)
    orders = form.apply(access)
    ids = request.GET.getlist("id")
    if ids:
        orders = orders.filter(id__in=[found for text in ids[:PAGE_SIZE] if (found := uuid_or_none(text))])
    else:
        orders = _older_than(orders, request.GET.get("before", ""))
    branches = list(Branch.objects.filter(company=access.company))
    lines = OrderItem.objects.filter(position__lte=SHOWN_LINES)
    orders = orders.select_related("branch").prefetch_related(Prefetch("items", lines, to_attr="first_lines"))
    page = list(orders.order_by("-created_at", "-id")[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    return {
        "seq": seq,
        "form": form,
        "orders": shown,
        "older": cursor_of(shown[-1]) if len(page) > PAGE_SIZE else "",
        "counts": _counts(access),
        "many_branches": len(branches) > 1,
        "revenue": RevenueFilter(branch for branch in branches if access.sees_branch(branch.id)),
        "shares": settings.DASHBOARD_CACHE,
        "shown_lines": SHOWN_LINES,
    }


def cursor_of(order: Order) -> str:
    """Return an order's place in the stream: microseconds since 1970 and its id."""
    return f"{(order.created_at - EPOCH) // timedelta(microseconds=1)}.{order.id}"


def _older_than(orders: QuerySet[Order], cursor: str) -> QuerySet[Order]:
    """Return the orders after a cursor; all of them where it is none of ours."""
    stamp, _dot, text = cursor.partition(".")
    last_id = uuid_or_none(text)
    if last_id is None or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 17:
        return orders
    moment = EPOCH + timedelta(microseconds=int(stamp))
    return orders.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__lt=last_id))


def _counts(access: Access) -> dict[str, int]:
    """Count the open orders by status; ``open`` is their sum, ``attention`` those that wait for a person."""
    groups = access.orders().filter(status__in=OPEN).order_by().values_list("status", "needs_attention")
    counts = {status.value: 0 for status in OPEN} | {"open": 0, "attention": 0}
    for status, needs_attention, number in groups.annotate(number=Count("id")):
        counts[status] += number
        counts["open"] += number
        counts["attention"] += number if needs_attention else 0
    return counts


def draw_revenue(request: HttpRequest, access: Access) -> HttpResponse:
    """Answer what the chart draws; for a while the same to all who see the same orders."""
    company, now, query = access.company, timezone.now(), read_query(access, request.GET)
    seq = last_seq(company.id)
    key = f"revenue:{company.id}:{access.scope}:{get_language()}:{':'.join(astuple(query))}"
    version = (seq, hour_start(company, now))
    found = held(key, version, lambda: {"seq": seq, **revenue_json(access, query, now)}, hold_s=REVENUE_HOLD_S)
    return answer_if_changed(request, json.dumps(found.value, ensure_ascii=False), "application/json")


revenue = member_page(draw_revenue)
