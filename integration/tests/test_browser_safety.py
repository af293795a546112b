"""What protects a signed-in browser: CSRF on every path, no redirect to elsewhere, and the headers of every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from integration.tests.factories import make_installation
from orders.models import Order, User

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
PASSWORD = "correct horse battery"
WITHOUT_SESSIONS = {"ProbeReportView", "ProviderWebhookView", "EnvelopeView"}
"""Called by machines that prove every request: a cookie means nothing there."""
OPEN = {"SchemaView", "DocsView"}
"""Documents that everybody may read, and that take no write at all."""
_VALUES = {"uuid": "00000000-0000-4000-8000-000000000000", "int": "1", "str": "x", "slug": "careem", "path": "x"}


def paths(patterns=None, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Return a path for every pattern of the installation."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        route = re.sub(r"<(?:(\w+):)?\w+>", lambda found: _VALUES[found[1] or "str"], str(entry.pattern))
        route = re.sub(r"\(\?P<\w+>[^)]*\)", "x", route).strip("^$")
        if isinstance(entry, URLResolver):
            yield from paths(entry.url_patterns, before + route)
        else:
            yield before + route, entry


def name_of(pattern: URLPattern) -> str:
    view = pattern.callback
    return getattr(getattr(view, "cls", None) or getattr(view, "view_class", None), "__name__", view.__name__)


@pytest.fixture
def here():
    made = make_installation()
    made.owner.set_password(PASSWORD)
    made.owner.save()
    return made


# -- CSRF --------------------------------------------------------------------------------------------------------------


def test_no_path_takes_a_write_from_a_session_without_the_csrf_token(here):
    root = User.objects.create_superuser("root", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    checked, taken = 0, []
    for path, pattern in paths():
        if name_of(pattern) in WITHOUT_SESSIONS:
            continue
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.generic(method, path, b"{}", content_type="application/json")
            checked += 1
            if answer.status_code != (405 if name_of(pattern) in OPEN else 403):
                taken.append((method, path, answer.status_code))
    assert taken == []
    assert checked > 400


def test_only_the_webhook_doors_look_at_no_session():
    without = {
        name_of(pattern) for _, pattern in paths()
        if getattr(getattr(pattern.callback, "cls", None), "authentication_classes", None) == ()
    }  # fmt: skip
    assert without == WITHOUT_SESSIONS | OPEN


def test_a_webhook_door_takes_no_cookie_for_a_proof(here):
    answer = here.client().post(
        f"/api/integration/webhook/careem/{here.company.id}", {}, content_type="application/json"
    )
    assert answer.status_code == 401


def test_with_the_token_of_the_page_a_write_is_taken(here):
    here.send("careem")
    order = Order.objects.get()
    client = Client(enforce_csrf_checks=True)
    client.force_login(here.owner)
    client.get("/")
    url, data = f"/api/orders/{order.id}/status", {"status": "confirmed"}
    assert client.post(url, data, content_type="application/json").status_code == 403
    token = {"X-CSRFToken": client.cookies["csrftoken"].value}
    assert client.post(url, data, content_type="application/json", headers=token).status_code == 200


# -- redirects ---------------------------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "javascript:alert(1)", "data:text/html,x", "\t//evil.example", "http://localhost:3001@evil.example/", "ftp://localhost/",
    "//localhost:3001.evil.example", "%2f%2fevil.example@/",
]  # fmt: skip


def stays_here(location: str) -> bool:
    return re.fullmatch(r"/(?![/\\]).*|%2f%2fevil\.example@/", location) is not None


@pytest.mark.parametrize("door", ["/sign-in/", "/admin/login/"])
@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_nowhere_else(here, door, target):
    data = {"username": here.owner.username, "password": PASSWORD, "next": target}
    answer = Client().post(door, data)
    assert answer.status_code == 302
    assert stays_here(answer.headers["Location"])


@pytest.mark.parametrize("target", ELSEWHERE)
def test_somebody_who_is_signed_in_already_is_led_nowhere_else(here, target):
    answer = here.client().get("/sign-in/", {"next": target})
    assert answer.status_code == 302
    assert stays_here(answer.headers["Location"])


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_out_leads_nowhere_else(here, target):
    answer = here.client().post("/sign-out/", {"next": target})
    assert answer.status_code == 302
    assert stays_here(answer.headers["Location"])


@pytest.mark.parametrize("target", ELSEWHERE)
def test_naming_a_company_leads_nowhere_else(here, target):
    answer = here.client().get("/", {"company": target, "next": target})
    assert answer.status_code == 404
    assert "Location" not in answer.headers


# -- headers -----------------------------------------------------------------------------------------------------------

PLACES = ["/", "/sign-in/", "/nothing-here/", "/admin/", "/api/orders", "/api/orders/x", "/api/nothing", "/api/docs",
          "/api/integration/logs", "/livez"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_answer_says_what_a_browser_may_do_with_it(here, place):
    headers = here.client().get(place).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    policy = headers["Content-Security-Policy"]
    if place == "/api/docs":  # Swagger's page styles itself
        policy = policy.replace("style-src 'self' 'unsafe-inline'", "")
    assert "unsafe" not in policy
    assert "Server" not in headers


@pytest.mark.parametrize("place", [place for place in PLACES if place != "/livez"])
def test_no_cache_keeps_an_answer(here, place):
    assert "no-store" in here.client().get(place).headers["Cache-Control"]


def test_the_answer_to_a_webhook_is_kept_by_no_cache(here):
    assert here.send("careem").headers["Cache-Control"] == "no-store"


def test_a_refusal_says_so_too(here):
    answer = Client().post("/api/integration/webhook/careem", "{}", content_type="application/json")
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (401, "nosniff")


def test_over_https_the_browser_is_told_to_stay_there(settings):
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/sign-in/", secure=True).headers["Strict-Transport-Security"].startswith("max-age=31536000")
    answer = Client().get("/sign-in/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/sign-in/")


def test_no_other_origin_is_let_in(here):
    answer = here.client().get("/api/orders", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
