"""What an order costs from its first delivery to its last: processor time, rows, log and commands of each part it passes.

The input of benchmarks/growth. An order lives here as most do: it comes, the kitchen takes two steps, each of which the hub is
told, and the provider says twice how far it is. Beside it, what a screen's own question costs.
"""

from __future__ import annotations

import asyncio
import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from benchmarks.faults.http import request
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.checks import lost
from benchmarks.speed.costs import SIZES, Reading, each
from benchmarks.speed.floor import measure_floor
from benchmarks.speed.installation import Production, production
from benchmarks.speed.listeners import listeners
from benchmarks.speed.machine import CpuMeter, memory_of, tree
from benchmarks.speed.of_answers import COMPANIES, FLOOR_S, WARM_UP, refuse_others, utc_now, warm_up
from benchmarks.speed.of_sockets import told
from benchmarks.speed.plan import AHEAD_S, Expected, Planned, plan_orders, sign, store_id
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark
from benchmarks.speed.sending import send_plan
from providers.samples import SampleOrder, build_sample

T = TypeVar("T")
SCREENS_EACH = 4
"""Of each company."""
STEPS = ("confirmed", "preparing")
"""What the kitchen says."""
STATUSES = ("out_for_delivery", "delivered")
"""What the provider says afterwards."""
IDLE_S = 15.0
"""How long the processes are watched with nothing to do: what they use then belongs to no order."""
SETTLE_S = 3.0
PUSHED_WITHIN_S = 60.0
LOOK = "/api/orders?limit=10"
"""Stands for what a page asks when something has changed: the orders that it shows, for one company."""
_WALK = """
import time
from django.utils import timezone
from integration.alerting.watch import watch_quickly
watch_quickly(timezone.now())
started = time.perf_counter()
watch_quickly(timezone.now())
print((time.perf_counter() - started) * 1000)
"""
_PRUNED = "SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest(%s::text[]) name"
PRUNED = ("webhook_bodies", "outbound_attempts")
"""Whose contents go after WEBHOOK_LOG_RETENTION_DAYS."""


@benchmark(
    "footprint",
    "an order's life: it comes, two steps of the kitchen told to the hub, two statuses of the provider; 8 companies,"
    " 4 screens each; what it costs each part",
    Figure("order_web_ms", "web, for the whole life", "ms"),
    Figure("order_postgres_ms", "Postgres, for the whole life", "ms"),
    Figure("order_worker_ms", "worker, for the two pushes", "ms"),
    Figure("order_sockets_ms", "sockets, for the whole life", "ms"),
    Figure("order_wal_kb", "Postgres' log, for the whole life", "kB"),
    Figure("order_table_kb", "tables, as they grew", "kB"),
    Figure("order_index_kb", "indexes, as they grew", "kB"),
    Figure("order_redis_commands", "Redis commands", ""),
    Figure("one_company_per_second", "bare psycopg, all orders of one company, whose number they share", "/s"),
    Figure("walk_ms", "the alerts' quick rules, for each company", "ms"),
    Figure("missing", "frames of new orders that never came", "", 0),
    LOST,
    rate=16,
    count=320,
    within_s=300,
)
async def footprint(options: Options) -> Outcome:
    """Let so many orders live, one sort of event after the other, and read every counter between them."""
    outcome = Outcome()
    with hub() as address, production({"NEXARA_BASE_URL": address}, keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies(*(f"speed-{index}" for index in range(COMPANIES)))
        await warm_up(stack, companies, WARM_UP)
        async with listeners(stack.sockets_port) as screens:
            await screens.open([company.token for company in companies] * SCREENS_EACH)
            # They would be in the sizes.
            stack.execute("TRUNCATE orders, customers, webhook_logs CASCADE")
            empty = _sizes(stack)
            await asyncio.sleep(SETTLE_S)
            life = _Life(stack, companies, options)
            await life.rest()
            plan = plan_orders(companies, options.count, rate=options.rate)
            since = utc_now()
            sent = await life.measure("new", partial(send_plan, stack.port, plan, "open"))
            life.note_wire("new", plan)
            # As NEXARA's own envelope would have it: their answers go back through the hub.
            stack.execute("UPDATE orders SET via_hub = true")
            orders = stack.query(
                "SELECT id, company_id, external_id, provider FROM orders WHERE created_at >= %s", since
            )
            for number, status in enumerate(STEPS, start=1):
                await life.measure("step", partial(life.move, orders, status, number))
            for status in STATUSES:
                told_later = tell(companies, [(str(row[1]), row[3], row[2]) for row in orders], status, options.rate)
                refuse_others(await life.measure("status", partial(send_plan, stack.port, told_later, "open")), outcome)
                life.note_wire("status", told_later)
            await life.measure("look", life.look)
            walk_ms = await asyncio.to_thread(_walk_ms, stack)
            outcome.values |= _memory_mb(stack)
            await screens.close()
        refuse_others(sent, outcome)
        faults = [*life.faults, *await lost(stack, since, sent.acknowledged)]
        states = stack.query("SELECT status, count(*) FROM orders WHERE created_at >= %s GROUP BY status", since)
        if states != [("delivered", options.count)]:
            faults.append(f"not all orders have lived their whole life: {states}")
        outcome.values |= _sizes_at_rest(stack, empty, options.count)
        floor = await measure_floor(stack.direct_url, [companies[0].id], min(FLOOR_S, 8.0))
    outcome.values |= life.values() | {
        "one_company_per_second": floor,
        "walk_ms": walk_ms / COMPANIES,
        "missing": told(sent, screens, SCREENS_EACH)[1],
        "lost": sum(int(fault.split()[0]) for fault in faults if fault[0].isdigit()),
    }
    outcome.faults += faults
    outcome.notes |= life.notes
    return outcome


class _Life:
    """Measures one sort of event after the other."""

    def __init__(self, stack: Production, companies: Sequence[CompanyAccess], options: Options) -> None:
        self.stack, self.companies, self.options = stack, {company.id: company for company in companies}, options
        self.meter = CpuMeter(stack.roots())
        self.costs: dict[str, list[dict[str, float]]] = {}
        self.wire_kb: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.faults: list[str] = []

    async def rest(self) -> None:
        """Watch the processes with nothing to do."""
        before = Reading.of(self.stack, self.meter)
        await asyncio.sleep(IDLE_S)
        after = Reading.of(self.stack, self.meter)
        self.idle = before, after
        took_s = after.at - before.at
        used = {name: (after.used_s[name] - before.used_s[name]) / took_s for name in before.used_s}
        self.notes["cores used at rest"] = ", ".join(f"{name} {cores:.3f}" for name, cores in used.items())

    async def measure(self, sort: str, act: Callable[[], Awaitable[T]]) -> T:
        """Do ``count`` of a sort, wait until nothing is under way, and note what one of them cost."""
        before = Reading.of(self.stack, self.meter)
        found = await act()
        await asyncio.sleep(SETTLE_S)
        after = Reading.of(self.stack, self.meter)
        self.costs.setdefault(sort, []).append(each(before, after, self.idle, self.options.count))
        return found

    def note_wire(self, sort: str, plan: Sequence[Planned]) -> None:
        self.wire_kb[sort] = sum(len(one.wire) for one in plan) / len(plan) / 1000

    async def move(self, orders: Sequence[tuple[Any, ...]], status: str, number: int) -> None:
        """Take a step with every order as the staff's programs do, and wait until the hub was told of each."""
        await self._paced(
            [("POST", f"/api/orders/{row[0]}/status", str(row[1]), json.dumps({"status": status})) for row in orders]
        )
        until = time.monotonic() + PUSHED_WITHIN_S
        while time.monotonic() < until and self._pushed() < number * len(orders):
            await asyncio.sleep(0.25)
        if self._pushed() < number * len(orders):
            self.faults.append(f"only {self._pushed()} of {number * len(orders)} pushes were sent")

    def _pushed(self) -> int:
        return int(self.stack.query("SELECT count(*) FROM outbound_pushes WHERE status = 'sent'")[0][0])

    async def look(self) -> None:
        """Ask what a page asks, of each company in turns."""
        names = list(self.companies)
        await self._paced([("GET", LOOK, names[at % len(names)], "") for at in range(self.options.count)])

    async def _paced(self, calls: Sequence[tuple[str, str, str, str]]) -> None:
        """Make calls at the benchmark's rate, whatever became of those before."""
        started = time.monotonic()

        async def one(number: int, method: str, path: str, company: str, body: str) -> int:
            await asyncio.sleep(max(0.0, started + number / self.options.rate - time.monotonic()))
            token = self.companies[company].token
            headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
            return (await request(self.stack.port, method, path, headers, body.encode())).status

        found = await asyncio.gather(*(one(number, *call) for number, call in enumerate(calls)))
        if wrong := sorted({status for status in found if status != 200}):
            self.faults.append(f"{sum(status != 200 for status in found)} calls were answered {wrong}")

    def values(self) -> dict[str, float]:
        """Return the cost of one of each sort, and of the whole life."""
        one = {
            sort: {name: sum(cost[name] for cost in costs) / len(costs) for name in costs[0]}
            for sort, costs in self.costs.items()
        }
        found = {f"{sort}_{name}": value for sort, costs in one.items() for name, value in costs.items()}
        times = {"new": 1, "step": len(STEPS), "status": len(STATUSES)}
        for name in one["new"]:
            found[f"order_{name}"] = sum(one[sort][name] * count for sort, count in times.items())
        return found | {f"{sort}_wire_kb": value for sort, value in self.wire_kb.items()}


def tell(
    companies: Sequence[CompanyAccess], orders: Sequence[tuple[str, str, str]], status: str, rate: float
) -> list[Planned]:
    """Return a status of the hub's dialect for each order: company, provider, external id."""
    known = {company.id: company for company in companies}
    now, plan = datetime.now(UTC), []
    for at, (company_id, provider, external_id) in enumerate(orders):
        company = known[company_id]
        order = SampleOrder(external_id, store_id(company, provider), now, number=at)
        wire = sign(
            company,
            provider,
            "hub",
            build_sample(provider, "hub", status, order),
            now + timedelta(seconds=AHEAD_S + at / rate),
        )
        plan.append(Planned(at / rate, wire, Expected(company_id, provider, external_id, 0, 0, None)))
    return plan


def _memory_mb(stack: Production) -> dict[str, float]:
    """Return what one process holds in memory; where several have a master, its memory is a part of theirs."""
    found = {}
    for name in ("web", "sockets", "worker"):
        pid = stack.pid(name)
        found[f"{name}_mb"] = memory_of([pid]) / 1000 / max(1, len(tree(pid)) - 1)
    return found


def _walk_ms(stack: Production) -> float:
    """Return how long the alerts' quick rules take to look at every company, which they do every half minute."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", _WALK], cwd=ROOT, env=stack.environ({}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise MissingError(f"the rules could not be timed: {done.stderr.strip()[-300:]}")
    return float(done.stdout.strip().splitlines()[-1])


def _sizes(stack: Production) -> tuple[int, int]:
    """Return the bytes of all tables with their indexes, and how many of them are in those that are pruned."""
    tables, indexes = stack.query(SIZES)[0]
    return int(tables + indexes), int(stack.query(_PRUNED, list(PRUNED))[0][0])


def _sizes_at_rest(stack: Production, empty: tuple[int, int], count: int) -> dict[str, float]:
    """Return what an order takes once its rows are written anew, without what updates have left behind."""
    for (table,) in stack.query("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"):
        stack.execute(f"VACUUM (FULL) {table}")
    everything, pruned = (now - before for now, before in zip(_sizes(stack), empty, strict=True))
    return {"kept_kb": (everything - pruned) / count / 1000, "pruned_kb": pruned / count / 1000}


class _Hub(http.server.BaseHTTPRequestHandler):
    """Takes everything, at once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = b'{"success": true, "status": "ok", "data": {}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Write no line for a call."""


@contextmanager
def hub() -> Iterator[str]:
    """Play a hub that takes everything; yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
