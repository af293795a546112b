"""Counts, inside the server under test, what each path is called and how many queries it makes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, JsonResponse

PATH = "/-/counts"
BACKGROUND = "sockets and tasks"
_GROUPS = (
    ("/api/integration/webhook", "webhooks"),
    ("/orders/rows/", "rows"),
    ("/dashboard/together/", "together"),
    ("/dashboard/panels/", "panels"),
    ("/dashboard/revenue/", "chart"),
    ("/api/orders/changes", "changes"),
    ("/bell/", "bell"),
)
_now: ContextVar[str] = ContextVar("group", default=BACKGROUND)
_lock = threading.Lock()
calls: Counter[str] = Counter()
queries: Counter[str] = Counter()


class Counting:
    """Counts every request but those for static files, and tells the counts at a path of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == PATH:
            with _lock:
                return JsonResponse({"calls": calls, "queries": queries})
        group = next((name for prefix, name in _GROUPS if request.path.startswith(prefix)), "other")
        with _lock:
            calls[group] += 1
        token = _now.set(group)
        try:
            return self.get_response(request)
        finally:
            _now.reset(token)


def _count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    with _lock:
        queries[_now.get()] += 1
    return execute(sql, params, many, context)


def _watch(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


connection_created.connect(_watch)
