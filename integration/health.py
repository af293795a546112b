"""What an orchestrator asks: does the process live, and can it take orders."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integration import heartbeat
from orders.errors import failure

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 0.5

_schema_is_current = threading.Event()
"""Set once no migration was pending: the code of a running process does not change."""


def pending_migrations() -> list[str]:
    """Return the migrations that the database lacks, as ``app.name``. Raises the database's errors."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def redis_state() -> str:
    """Return ``none`` where no Redis is configured, else ``ok`` or ``down``. Waits half a second at most."""
    if not settings.REDIS_URL:
        return "none"
    import redis

    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=None
    )
    try:
        client.ping()
    except redis.RedisError:
        return "down"
    finally:
        client.close()
    return "ok"


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process answers at all; touches nothing else."""
    return JsonResponse({"success": True, "status": "alive"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when an order could be committed, else 503.

    Redis, the worker and the sweeper are told, and make it ``degraded`` at most: without one of them everything works, only
    slower, and a server that is taken out of the balance for it could take no orders at all.
    """
    database = database_state()
    checks = {"database": database, "redis": redis_state(), **process_states(database)}
    if database != "ok":
        body = failure("unavailable", "The database cannot take orders now.", checks)
        return JsonResponse(body, status=503, headers={"Retry-After": "5"})
    is_well = set(checks.values()) <= {"ok", "none"}
    return JsonResponse({"success": True, "status": "ready" if is_well else "degraded", "checks": checks})


def process_states(database: str) -> dict[str, str]:
    """Return ``ok``, ``late`` or ``never`` of worker and sweeper; ``unknown`` where nobody can say."""
    unknown = dict.fromkeys(heartbeat.NAMES, "unknown")
    if database != "ok":
        return unknown
    try:
        return {name: heartbeat.state_of(age_s) for name, age_s in heartbeat.ages(timezone.now()).items()}
    except Error:
        return unknown


def database_state() -> str:
    """Return ``ok`` while an order could be committed, else what is wrong in two words."""
    try:
        if _schema_is_current.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        elif pending_migrations():
            return "migrations pending"
        else:
            _schema_is_current.set()
    except Error as error:
        logger.error("Not ready: the database did not answer: %s", type(error).__name__)
        return "down"
    return "ok"
