"""``/dashboard/together/``: what an open dashboard wants at the same moment, in one answer instead of four."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict

from integration.views.bell import draw_bell
from integration.views.dashboard import draw_panels
from orders.access import Access
from orders.pages import member_page
from orders.views import draw_revenue, draw_rows

PIECES: dict[str, Callable[[HttpRequest, Access], HttpResponse]] = {
    "rows": draw_rows,
    "bell": draw_bell,
    "panels": draw_panels,
    "chart": draw_revenue,
}
COUNTED = {"panels", "chart"}
SLOW_S = 1.0


@member_page
def together(request: HttpRequest, access: Access) -> HttpResponse:
    """Answer each piece that is named, with the query that its own address takes as the name's value.

    Each is ``{"text", "tag"}``, or null for whoever sends its tag as ``<name>-tag`` and so has it already. ``isSlow`` tells
    that what is counted has held the others up: ask for it apart for a while.
    """
    pieces, counting_s = {}, 0.0
    for name in PIECES:
        if name in request.GET:
            began = time.monotonic()
            pieces[name] = _piece(name, request, access)
            counting_s += time.monotonic() - began if name in COUNTED else 0.0
    return JsonResponse({"pieces": pieces, "isSlow": counting_s > SLOW_S})


def _piece(name: str, request: HttpRequest, access: Access) -> dict[str, str] | None:
    alone = copy(request)
    alone.GET = QueryDict(request.GET[name])
    alone.META = {**request.META, "HTTP_IF_NONE_MATCH": request.GET.get(f"{name}-tag", "")}
    response = PIECES[name](alone, access)
    if response.status_code == 304:
        return None
    return {"text": response.content.decode(), "tag": response.headers.get("ETag", "")}
