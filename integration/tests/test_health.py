"""What an orchestrator is told."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from integration import health


@pytest.fixture(autouse=True)
def _fresh():
    health._schema_is_current.clear()


@pytest.mark.parametrize("path", ["/livez", "/livez/"])
def test_livez_touches_no_database(path):
    response = Client().get(path)
    assert (response.status_code, response.json()) == (200, {"success": True, "status": "alive"})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_readyz_says_that_orders_can_be_taken(path, settings):
    settings.REDIS_URL = ""
    response = Client().get(path)
    assert response.status_code == 200
    assert response.json() == {"success": True, "status": "ready", "checks": {"database": "ok", "redis": "none"}}


@pytest.mark.django_db
def test_readyz_stays_ready_without_redis(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["checks"]) == (200, {"database": "ok", "redis": "down"})


@pytest.mark.django_db
def test_readyz_refuses_a_database_of_an_older_version(monkeypatch):
    monkeypatch.setattr(health, "pending_migrations", lambda: ["orders.0002_more"])
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["error"]) == (503, "unavailable")
    assert response.json()["details"]["database"] == "migrations pending"


@pytest.mark.django_db
def test_readyz_refuses_without_a_database(monkeypatch):
    def down():
        raise OperationalError("no server")

    monkeypatch.setattr(health, "pending_migrations", down)
    response = Client().get("/readyz")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json()["details"]["database"] == "down"


@pytest.mark.django_db
def test_readyz_reads_the_migrations_once(django_assert_num_queries):
    Client().get("/readyz")
    with django_assert_num_queries(1):
        Client().get("/readyz")


def test_health_takes_no_other_method():
    assert Client().post("/livez").status_code == 405
