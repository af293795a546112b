"""``/find/``: the search of every page's header."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from integration.finding import LOOKED_BACK, find, refused_lately
from integration.models import WebhookLog
from integration.views.acting import company_path
from orders.access import Access
from orders.filters import MAX_TEXT
from orders.models import Role
from orders.pages import member_page


@member_page
def search(request: HttpRequest, access: Access) -> HttpResponse:
    """Lead to what was searched where it can be one thing only, else show what it may be."""
    now, text = timezone.now(), request.GET.get("q", "").strip()[:MAX_TEXT]
    found = find(access, text, now)
    if found.only is not None:
        page = "webhook" if isinstance(found.only, WebhookLog) else "orders:order"
        return redirect(company_path(request, page, found.only.pk))
    is_nowhere = bool(text) and not (found.orders or found.events)
    context = {
        "text": text,
        "found": found,
        "is_nowhere": is_nowhere,
        "refused": refused_lately(access, now) if is_nowhere else [],
        "days": LOOKED_BACK.days,
        "may_export": access.at_least(Role.MANAGER),
    }
    return render(request, "integration/find.html", context)
