"""What a person chooses for every page on a device: its language and how it looks. In cookies: they hold at the sign-in too."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

SYSTEM = "system"
"""As the device has it."""
CHOICES: dict[str, tuple[str, ...]] = {
    settings.LANGUAGE_COOKIE_NAME: tuple(code for code, _ in settings.LANGUAGES),
    "theme": (SYSTEM, "light", "dark"),
    "contrast": (SYSTEM, "more"),
}
KEPT_FOR_S = 365 * 24 * 3600


def looks(request: HttpRequest) -> dict[str, Any]:
    """Return what a page needs to look as was chosen, and the choices of its menu. A cookie of no choice of ours is none."""
    return {
        "theme": _chosen(request, "theme"),
        "contrast": _chosen(request, "contrast"),
        # Each in its own language: whoever is lost in the other one finds it.
        "languages": settings.LANGUAGES,
    }


def _chosen(request: HttpRequest, name: str) -> str:
    value = request.COOKIES.get(name, SYSTEM)
    return value if value in CHOICES[name] else SYSTEM


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen, on this device for a year, and go back to the page; what is no choice changes nothing."""
    # Where it came from; a page that is no address to come back to names another.
    back = request.POST.get("next", "") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("orders:stream")
    response = HttpResponseRedirect(back)
    response.status_code = 303
    for name, allowed in CHOICES.items():
        value = request.POST.get(name, "")
        if value in allowed:
            response.set_cookie(
                name,
                value,
                max_age=KEPT_FOR_S,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
    return response
