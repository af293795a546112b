"""What an orchestrator is told."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from integration import health, heartbeat
from integration.models import Heartbeat
from integration.sweep import Sweeper
from integration.tasks import give_sign


@pytest.fixture(autouse=True)
def _fresh():
    health._schema_is_current.clear()


@pytest.mark.parametrize("path", ["/livez", "/livez/"])
def test_livez_touches_no_database(path):
    response = Client().get(path)
    assert (response.status_code, response.json()) == (200, {"success": True, "status": "alive"})


WELL = {"database": "ok", "redis": "none", "worker": "ok", "sweeper": "ok"}


@pytest.fixture
def alive(db, settings):
    """Worker and sweeper have just given a sign, and no Redis is configured."""
    settings.REDIS_URL = ""
    for name in heartbeat.NAMES:
        heartbeat.beat(name)


@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_readyz_says_that_orders_can_be_taken(path, alive):
    response = Client().get(path)
    assert response.status_code == 200
    assert response.json() == {"success": True, "status": "ready", "checks": WELL}


def degraded() -> dict[str, str]:
    """Return the checks of an answer that is degraded, and orders are taken all the same."""
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    return response.json()["checks"]


def test_readyz_is_only_degraded_without_redis(alive, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert degraded() == WELL | {"redis": "down"}


@pytest.mark.parametrize("name", ["worker", "sweeper"])
def test_readyz_is_only_degraded_without_a_sign_of_life(alive, name):
    heartbeat.beat(name, timezone.now() - timedelta(seconds=heartbeat.LATE_AFTER_S + 1))
    assert degraded() == WELL | {name: "late"}
    Heartbeat.objects.filter(name=name).delete()
    assert degraded() == WELL | {name: "never"}


def test_a_sign_of_life_that_is_in_time_is_enough(alive):
    heartbeat.beat("worker", timezone.now() - timedelta(seconds=heartbeat.LATE_AFTER_S - 5))
    assert Client().get("/readyz").json()["status"] == "ready"


def test_the_task_is_the_workers_sign(db):
    give_sign()
    assert Heartbeat.objects.get().name == "worker"


def test_the_sweeper_gives_a_sign_with_its_sweeps_and_no_more_often_than_it_has_to(db, django_assert_num_queries):
    heart = heartbeat.Heart("sweeper")
    heart.beat()
    assert Heartbeat.objects.get().name == "sweeper"
    with django_assert_num_queries(0):
        heart.beat()


def test_a_sweeper_whose_sweeps_fail_gives_no_sign(db, monkeypatch):
    stop = threading.Event()

    def fail(self):
        stop.set()
        raise OperationalError("no server")

    monkeypatch.setattr(Sweeper, "sweep", fail)
    # Both would close the connection that the test's own transaction is on.
    monkeypatch.setattr("integration.sweep.close_old_connections", lambda: None)
    monkeypatch.setattr("integration.sweep.connections.close_all", lambda: None)
    Sweeper(has_broker=False).run(stop)
    assert not Heartbeat.objects.exists()


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
    with django_assert_num_queries(2):
        Client().get("/readyz")


def test_health_takes_no_other_method():
    assert Client().post("/livez").status_code == 405
