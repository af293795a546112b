"""From what one order costs to what a load needs: plain arithmetic over the figures of ``benchmarks.speed footprint``.

Nothing here is measured. What is neither a figure of docs/performance/ nor a setting of the program stands in
:class:`Assumed`, and is told with the tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

FACTORS = (1, 10, 100, 1_000)
NEEDED = (
    "order_web_ms", "order_postgres_ms", "order_redis_ms", "order_sockets_ms", "order_worker_ms", "order_wal_kb",
    "order_redis_commands", "order_redis_kb", "look_web_ms", "look_postgres_ms", "step_worker_ms", "new_wire_kb",
    "status_wire_kb", "kept_kb", "pruned_kb", "walk_ms", "one_company_per_second",
    "web_mb", "sockets_mb", "worker_mb",
)  # fmt: skip
"""What a footprint has to name."""

# -- what the program says ---------------------------------------------------------------------------------------------

STEPS = STATUSES = 2
"""Of an order: steps of the kitchen, each with a push, and statuses of the provider, as the benchmark lets one live."""
EVENTS = 1 + STEPS + STATUSES
"""Numbers of the company that an order takes."""
ROWS_EVERY_S, PANELS_EVERY_S = 1.2, 5.0
"""How often a page asks at most, however many frames come (static/js/batches.js, static/js/dashboard.js)."""
WEB_PROCESSES, WORKER_CHILDREN, SOCKET_PROCESSES = 2, 2, 1
"""What ``make up`` starts."""
POOL, SOCKETS_POOL, SWEEPER_CONNECTIONS = 24, 10, 8
"""Connections to Postgres: DATABASE_POOL_SIZE of each web process; the threads of a daphne; the sweeper's loop and threads."""
QUICK_RULES_EVERY_S = 30.0
COMPARED_EVERY_S = 900.0


@dataclass(frozen=True, slots=True)
class Load:
    """A busy minute of an installation. It grows by companies like those that are there."""

    orders_per_minute: float = 100.0
    companies: float = 20.0
    screens_each: float = 4.0

    def times(self, factor: float) -> Load:
        return Load(self.orders_per_minute * factor, self.companies * factor, self.screens_each)

    @property
    def orders_per_second(self) -> float:
        return self.orders_per_minute / 60

    @property
    def screens(self) -> float:
        return self.companies * self.screens_each

    @property
    def looks_per_second(self) -> float:
        """How often all pages together ask for rows and for panels."""
        changes = self.orders_per_second * EVENTS / self.companies
        return self.screens * (min(changes, 1 / ROWS_EVERY_S) + min(changes, 1 / PANELS_EVERY_S))


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody measured here."""

    usable: float = 0.6
    """Of a core, a disk, a line or a pool: what is planned with; the rest is for what comes at once."""
    push_s: float = 0.3
    """How long the hub or a provider takes to answer a call."""
    lists_each: float = 3.0
    list_s: float = 1.0
    """Lists that a company is compared with every quarter of an hour, and how long one takes."""
    peak_to_mean: float = 3.0
    """The busy minute against the mean of the day."""
    web_machine_cores: float = 8.0
    web_machine_gb: float = 32.0
    database_cores: float = 32.0
    """Of the largest machine that one wants for a Postgres."""
    log_mb_per_second: float = 200.0
    """What its disk takes of the log."""
    connections: float = 100.0
    """``max_connections``, as Postgres has it."""
    sockets_per_process: float = 2_000.0
    """As many as the benchmark `sockets` opens on one daphne."""
    core_hour: float = 0.04
    gigabyte_month: float = 0.10
    gigabyte_out: float = 0.08
    kept_months: float = 12.0
    """Money, and how long rows are kept: the pruned ones a month."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a load uses in its busy minute. Cores are whole use, without any reserve."""

    web_cores: float
    look_cores: float
    """Of those, for what pages ask."""
    sockets_cores: float
    worker_cores: float
    postgres_cores: float
    redis_cores: float
    worker_children: float
    """Busy at the same time: a child waits as long as the one that it calls."""
    rules_share: float
    """Of the half minute that the alerts' quick rules have for all companies, one after the other."""
    redis_commands: float
    log_mb: float
    line_mb: float
    """A second: deliveries in, and what Redis takes and gives."""
    screens: float
    orders_per_day: float


def needs(figures: Mapping[str, float], load: Load, assumed: Assumed) -> Needs:
    """Return what a load uses. Raises KeyError where the footprint lacks a figure."""
    a_second, looks = load.orders_per_second, load.looks_per_second
    look_cores = looks * figures["look_web_ms"] / 1000
    pushing = a_second * STEPS * (assumed.push_s + figures["step_worker_ms"] / 1000)
    comparing = load.companies * assumed.lists_each / COMPARED_EVERY_S * assumed.list_s
    wire_kb = figures["new_wire_kb"] + STATUSES * figures["status_wire_kb"] + figures["order_redis_kb"]
    return Needs(
        web_cores=a_second * figures["order_web_ms"] / 1000 + look_cores,
        look_cores=look_cores,
        sockets_cores=a_second * figures["order_sockets_ms"] / 1000,
        worker_cores=a_second * figures["order_worker_ms"] / 1000,
        postgres_cores=(a_second * figures["order_postgres_ms"] + looks * figures["look_postgres_ms"]) / 1000,
        redis_cores=a_second * figures["order_redis_ms"] / 1000,
        worker_children=pushing + comparing,
        rules_share=load.companies * figures["walk_ms"] / 1000 / QUICK_RULES_EVERY_S,
        redis_commands=a_second * figures["order_redis_commands"],
        log_mb=a_second * figures["order_wal_kb"] / 1000,
        line_mb=a_second * wire_kb / 1000,
        screens=load.screens,
        orders_per_day=load.orders_per_minute * 60 * 24 / assumed.peak_to_mean,
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """A part of one installation as ``make up`` starts it: how much of it the base load uses, and what there is of it."""

    part: str
    unit: str
    used: float
    available: float
    then: str

    @property
    def full_at(self) -> float:
        """The factor at which nothing is left."""
        return self.available / self.used if self.used else math.inf


def limits(figures: Mapping[str, float], load: Load, assumed: Assumed) -> list[Limit]:
    """Return what is full, the first to be so first. Of all but the walk over companies a part is kept free."""
    used, free = needs(figures, load, assumed), assumed.usable
    found = [
        Limit("worker children", "busy", used.worker_children, WORKER_CHILDREN * free,
              "pushes wait in the broker and the outbox; more children, then more workers"),
        Limit("web processes", "cores", used.web_cores, WEB_PROCESSES * free,
              "answers take longer, then 202 and 503; more processes, then more machines"),
        Limit("sockets", "cores", used.sockets_cores, SOCKET_PROCESSES * free,
              "frames come late, pages fetch what they missed; more daphnes"),
        Limit("open sockets of a daphne", "sockets", used.screens, assumed.sockets_per_process, "more daphnes"),
        Limit("Postgres, processor", "cores", used.postgres_cores, assumed.database_cores * free,
              "everything waits; companies move to a second Postgres"),
        Limit("Postgres, its log", "MB/s", used.log_mb, assumed.log_mb_per_second * free,
              "commits wait; companies move to a second Postgres"),
        Limit("Redis", "cores", used.redis_cores, free, "hints are dropped, pages live on the numbers; more hosts"),
        Limit("alerts' quick rules", "of their half minute", used.rules_share, 1.0,
              "alerts come late; the walk over companies has to be divided"),
    ]  # fmt: skip
    return sorted(found, key=lambda limit: limit.full_at)


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many of each a load needs, with the reserve."""

    web_processes: int
    socket_processes: int
    worker_children: int
    memory_gb: float
    machines: int
    """That carry those three."""
    redis: int
    shards: int
    """Postgres, each with its own companies."""
    connections_each: int
    """To each Postgres, where every process may have its whole pool."""


def fleet(figures: Mapping[str, float], used: Needs, assumed: Assumed) -> Fleet:
    """Return what a load needs: never less than one installation has."""
    free = assumed.usable
    web = max(WEB_PROCESSES, math.ceil(used.web_cores / free))
    sockets = max(
        SOCKET_PROCESSES, math.ceil(used.sockets_cores / free), math.ceil(used.screens / assumed.sockets_per_process)
    )
    children = max(WORKER_CHILDREN, math.ceil(used.worker_children / free))
    cores = used.web_cores + used.sockets_cores + used.worker_cores
    shards = max(
        1,
        math.ceil(used.postgres_cores / (assumed.database_cores * free)),
        math.ceil(used.log_mb / (assumed.log_mb_per_second * free)),
    )
    # Each shard has processes of its own: none reaches into two.
    connections = math.ceil((web * POOL + sockets * SOCKETS_POOL + children) / shards) + SWEEPER_CONNECTIONS
    memory_gb = (web * figures["web_mb"] + sockets * figures["sockets_mb"] + children * figures["worker_mb"]) / 1000
    machines = max(
        math.ceil(cores / (assumed.web_machine_cores * free)), math.ceil(memory_gb / (assumed.web_machine_gb * free))
    )
    redis = max(1, math.ceil(used.redis_cores / free))
    return Fleet(web, sockets, children, memory_gb, max(1, machines), redis, shards, connections)


def per_million(figures: Mapping[str, float], load: Load, assumed: Assumed) -> dict[str, float]:
    """Return what a million orders take: core hours, GB, and money at the assumed prices."""
    looks = load.looks_per_second / load.orders_per_second

    def hours(milliseconds: float) -> float:
        return milliseconds * 1e6 / 1000 / 3600

    cores = {
        "web, orders": hours(figures["order_web_ms"]),
        "web, pages": hours(looks * figures["look_web_ms"]),
        "Postgres": hours(figures["order_postgres_ms"] + looks * figures["look_postgres_ms"]),
        "worker": hours(figures["order_worker_ms"]),
        "sockets": hours(figures["order_sockets_ms"]),
        "Redis": hours(figures["order_redis_ms"]),
    }
    # A kilobyte for each of a million is a gigabyte.
    frames_gb = figures["order_redis_kb"] / 2 * load.screens_each
    kept = figures["kept_kb"] * assumed.kept_months + figures["pruned_kb"]
    return cores | {
        "core_hours": sum(cores.values()),
        "kept_gb": figures["kept_kb"],
        "pruned_gb": figures["pruned_kb"],
        "log_gb": figures["order_wal_kb"],
        "in_gb": figures["new_wire_kb"] + STATUSES * figures["status_wire_kb"],
        "out_gb": frames_gb,
        "money": sum(cores.values()) / assumed.usable * assumed.core_hour
        + kept * assumed.gigabyte_month
        + frames_gb * assumed.gigabyte_out,
    }
