"""How long one stays signed in: as long as one works, and never for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

STARTED, SEEN = "session_started", "session_seen"
REFRESH_AFTER_S = 600
"""A session in use is written again this often, not with every request."""


@receiver(user_logged_in, dispatch_uid="session-start")
def _start(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    request.session[STARTED] = request.session[SEEN] = int(time.time())


class SlidingSession:
    """Keep a session alive while it is used, and end it at its greatest age.

    ``SESSION_COOKIE_AGE`` counts from the last use, in steps of ten minutes; ``SESSION_GREATEST_AGE_S`` from the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.session
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in session:
            now = int(time.time())
            if now - session.get(STARTED, 0) >= settings.SESSION_GREATEST_AGE_S:
                logout(request)
            elif now - session.get(SEEN, 0) >= REFRESH_AFTER_S:
                session[SEEN] = now
        return self.get_response(request)
