"""The schema and its page: open to all, nothing from elsewhere, and every path in it."""

from __future__ import annotations

import re

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client

from orders.schema import extend_schema, tell_all

pytestmark = pytest.mark.django_db


def test_the_schema_is_open_to_all():
    response = Client().get("/api/schema")

    paths = yaml.safe_load(response.content)["paths"]
    assert {path for path in paths if path.startswith(("/api/orders", "/api/dashboard", "/api/analytics"))} == {
        "/api/orders",
        "/api/orders/changes",
        "/api/orders/export.csv",
        "/api/orders/grid",
        "/api/orders/{order_id}",
        "/api/orders/{order_id}/acknowledge",
        "/api/orders/{order_id}/evidence",
        "/api/orders/{order_id}/prep-time",
        "/api/orders/{order_id}/reasons",
        "/api/orders/{order_id}/settle",
        "/api/orders/{order_id}/status",
        "/api/orders/{order_id}/timeline",
        "/api/dashboard",
        "/api/analytics",
        "/api/analytics/{table}",
        "/api/analytics/{table}.csv",
    }


def test_the_schema_comes_as_json_where_that_is_asked_for():
    response = Client().get("/api/schema", headers={"Accept": "application/json"})

    assert response.json()["openapi"].startswith("3.")


def test_every_endpoint_of_orders_tells_its_failures():
    paths = Client().get("/api/schema", headers={"Accept": "application/json"}).json()["paths"]

    for path, methods in paths.items():
        if path.startswith(("/api/orders", "/api/dashboard", "/api/analytics")):
            for method, told in methods.items():
                assert {"200", "401", "403", "404", "429", "503"} <= told["responses"].keys(), (method, path)
    assert "409" in paths["/api/orders/{order_id}/status"]["post"]["responses"]
    assert "410" in paths["/api/orders/changes"]["get"]["responses"]
    assert "304" in paths["/api/dashboard"]["get"]["responses"]


def test_the_page_needs_nothing_from_elsewhere_and_no_inline_script():
    response = Client().get("/api/docs")
    page = response.content.decode()

    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 5
    for link in links:
        assert link.startswith("/")
        assert link.startswith("/api/docs") or finders.find(link.removeprefix("/static/"))


def test_the_pages_script_is_a_script():
    response = Client().get("/api/docs?script=")

    assert response.headers["Content-Type"].startswith("application/javascript")
    assert b"/api/schema" in response.content or b"./schema" in response.content


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
def test_they_are_only_read(path):
    response = Client().post(path)

    assert (response.status_code, response.json()["error"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"


def test_an_address_that_asks_too_often_is_429(settings):
    settings.API_RATE_LIMIT_PER_MINUTE = 0

    response = Client().get("/api/docs")

    assert (response.status_code, response.json()["error"]) == (429, "rate_limited")
    assert int(response.headers["Retry-After"]) >= 1


def test_what_nobody_answers_in_is_406():
    response = Client().get("/api/schema", headers={"Accept": "image/png"})

    assert (response.status_code, response.json()["error"]) == (406, "not_acceptable")


def test_a_view_that_is_loaded_after_the_schema_was_made_is_told_at_once():
    tell_all()

    @extend_schema(summary="Late")
    def get(self, request):
        """Answer."""

    assert list(get.kwargs) == ["schema"]
