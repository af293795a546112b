"""One scenario's run: the load, the ledger, the windows in which something is broken."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import psycopg

from benchmarks.faults import traffic
from benchmarks.faults.disk import Disk
from benchmarks.faults.http import livez, request
from benchmarks.faults.listener import Listener
from benchmarks.faults.stack import CompanyAccess, Stack
from benchmarks.faults.traffic import Attempt, Event

RETRY_AFTER_S = (1.0, 2.0, 4.0)
"""A sender that got no 2xx tries again after these."""
SETTLE_WITHIN_S = 60.0
RATE = 20.0
POINTS_FILE = "fault_points.json"
DUE_BODY = b'{"event_type": "menu.updated", "restaurant_id": "1", "timestamp": "2026-01-01T00:00:00Z"}'
_numbers = itertools.count(1)


@dataclass(slots=True)
class Window:
    """A time in which something is broken, ``grace_s`` for coming back included."""

    started_at: float
    ended_at: float = float("inf")
    grace_s: float = 0.0

    def covers(self, start: float, end: float) -> bool:
        """Tell whether a request that lasted from start to end met the fault."""
        return start < self.ended_at + self.grace_s and end > self.started_at


class Run:
    """What a scenario works with, and what the checks look at afterwards."""

    def __init__(
        self, stack: Stack, name: str, number: int, companies: list[CompanyAccess], prefixes: dict[str, str]
    ) -> None:
        self.stack, self.name, self.number = stack, name, number
        self.companies, self.prefixes = companies, prefixes
        self.events: list[Event] = []
        self.windows: list[Window] = []
        self.notes: dict[str, str] = {}
        """Figures for the line of this scenario."""
        self.faults: list[str] = []
        """What did not hold."""
        self.slow: list[str] = []
        """What a scenario itself found too slow; judged with the answers."""
        self.not_judged: list[str] = []
        """What was slow on a machine too busy, or over a disk too slow, to tell why."""
        self.busy_share = 0.0
        self.disk = Disk()
        self.settled_s = 0.0
        self._ledger = (stack.folder / f"ledger-{name}.jsonl").open("a", encoding="utf-8")
        self._first = 0
        self.listeners = [Listener(stack, company) for company in companies]

    # -- the load ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def load(
        self, seconds: float, rate: float = RATE, *, poison: int = 0, change: Callable[[Event], None] | None = None
    ) -> AsyncIterator[None]:
        """Send for so many seconds while the block runs, whatever becomes of the answers; wait for the last of them.

        One event in twenty-five is sent a second time, as a provider does that missed our answer.
        """
        events = traffic.orders(self.companies, self.prefixes, rate, seconds, first=self._first)
        self._first += len(events)
        for number in range(poison):
            company = self.companies[number % len(self.companies)]
            events.append(traffic.poison(self._first + number, company, seconds * number / poison))
        for event in events:
            if change is not None:
                change(event)
        self.events += events
        started = time.time()
        sending = [asyncio.ensure_future(self._deliver(event, started + event.at_s)) for event in events]
        again = [event for event in events if event.number % 25 == 3]
        sending += [asyncio.ensure_future(self._deliver(event, started + event.at_s + 0.05)) for event in again]
        try:
            yield
            await asyncio.gather(*sending)
        finally:
            for each in sending:
                each.cancel()

    async def warm_up(self) -> None:
        """Send a little after a start: what is loaded on first use belongs to no figure of a scenario."""
        with self.fault(grace_s=0):
            async with self.load(4, rate=9):
                pass
        await asyncio.sleep(1)

    async def _deliver(self, event: Event, meant_at: float) -> None:
        for wait_s in (*RETRY_AFTER_S, None):
            await asyncio.sleep(max(0.0, meant_at - time.time()))
            attempt = Attempt(meant_at)
            event.attempts.append(attempt)
            await self.attempt(event, attempt)
            if 200 <= attempt.status < 300 or attempt.status == 401 or wait_s is None:
                return
            meant_at = time.time() + wait_s

    async def attempt(self, event: Event, attempt: Attempt) -> None:
        """Send an event once, written down before and after."""
        signed = event.signed()
        path = f"/api/integration/webhook/{event.provider}/{event.company.id}"
        path = f"{path}/{signed.path}" if signed.path else path
        attempt.sent_at = time.time()
        self._write("sent", event, attempt)
        attempt.answer = await request(
            self.stack.calls_at, signed.method, path, signed.headers, signed.body, tls=self.stack.tls
        )
        attempt.answered_at = time.time()
        self._write("answered", event, attempt)

    def _write(self, what: str, event: Event, attempt: Attempt) -> None:
        entry = {
            "what": what, "at": time.time(), "event": event.number, "company": event.company.id, "digest": event.digest,
            "status": attempt.status,
        }  # fmt: skip
        self._ledger.write(json.dumps(entry) + "\n")
        self._ledger.flush()

    # -- the faults --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def fault(self, grace_s: float = 2.0):  # type: ignore[no-untyped-def]
        """Mark the block as a time in which something is broken."""
        window = Window(time.time(), grace_s=grace_s)
        self.windows.append(window)
        try:
            yield window
        finally:
            window.ended_at = time.time()

    def met_fault(self, attempt: Attempt) -> bool:
        return any(window.covers(attempt.meant_at, attempt.answered_at) for window in self.windows)

    async def web_is_back(self, within_s: float, what: str = "web") -> float:
        """Wait until the web answers again; note how long it took."""
        started = time.monotonic()
        while not await asyncio.to_thread(livez, self.stack.port):
            if time.monotonic() - started > within_s:
                self.faults.append(f"{what} was not back after {within_s:.0f} s")
                break
            await asyncio.sleep(0.1)
        took = time.monotonic() - started
        self.notes[f"{what} back"] = f"{took:.1f} s"
        return took

    async def wait_for(self, what: str, is_true: Callable[[], bool], within_s: float) -> float:
        """Wait until something holds; note how long it took, or that it never did."""
        started = time.monotonic()
        while not await asyncio.to_thread(is_true):
            if time.monotonic() - started > within_s:
                self.faults.append(f"{what}: not within {within_s:.0f} s")
                break
            await asyncio.sleep(0.2)
        took = time.monotonic() - started
        self.notes[what] = f"{took:.1f} s"
        return took

    def points(self, **values: float) -> None:
        """Say what the fault points do from now on; nothing without values."""
        asked = values | {"run": float(self.number)} if values else {}
        (self.stack.data / POINTS_FILE).write_text(json.dumps(asked))

    def deaths(self) -> int:
        """Return how many processes have died at a fault point."""
        return len(list(self.stack.data.glob(f"died-{self.number}-*")))

    # -- the end -----------------------------------------------------------------------------------------------------

    def last_trouble(self) -> float:
        """Return when the last fault ended, or the last event was sent, whichever is later."""
        ends = [window.ended_at for window in self.windows]
        return max([*ends, *(attempt.answered_at for event in self.events for attempt in event.attempts)], default=0.0)

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Read from the database, past proxies and pools."""
        with psycopg.connect(self.stack.direct_url, connect_timeout=5, autocommit=True) as connection:
            return list(connection.execute(sql, values).fetchall())

    def execute(self, sql: str, *values: object) -> None:
        """Write to the database what no request can bring about."""
        with psycopg.connect(self.stack.direct_url, connect_timeout=5, autocommit=True) as connection:
            connection.execute(sql, values)

    def ids(self) -> list[str]:
        return [company.id for company in self.companies]

    def insert_due(self, company: str, count: int) -> None:
        """Store events that failed a while ago and are due now: words about a menu, which are cheap to work."""
        self.execute(
            "WITH rows AS (INSERT INTO webhook_logs SELECT (jsonb_populate_record(t.l, jsonb_build_object("
            " 'id', gen_random_uuid(), 'company_id', %s::uuid, 'delivery_key', 'due:' || gen_random_uuid(), 'order_id', NULL,"
            " 'status', 'failed', 'attempts', 1, 'claim_token', NULL, 'processed_at', NULL,"
            " 'next_attempt_at', now() - interval '1 minute', 'external_id', '', 'provider', 'careem', 'is_envelope', false"
            ")) ).* FROM (SELECT l FROM webhook_logs l WHERE company_id = ANY(%s::uuid[]) LIMIT 1) t,"
            " generate_series(1, %s) RETURNING id)"
            " INSERT INTO webhook_bodies (log_id, body) SELECT id, %s FROM rows",
            company, self.ids(), count, DUE_BODY,
        )  # fmt: skip

    def done_of(self, company: str) -> int:
        """Return how many of a company's stored events have come to an end."""
        rows = self.query("SELECT count(*) FROM webhook_logs WHERE company_id = %s AND status = 'ignored'", company)
        return int(str(rows[0][0]))

    def give_up_due(self, company: str) -> None:
        """Let nobody work what is still due of a company, so that the next scenario starts with nothing waiting."""
        self.execute(
            "UPDATE webhook_logs SET status = 'dead', claim_token = NULL, next_attempt_at = NULL"
            " WHERE company_id = %s AND status IN ('received', 'processing', 'failed')",
            company,
        )

    def waiting(self) -> int:
        """Return how many events have come to no end yet."""
        rows = self.query(
            "SELECT count(*) FROM webhook_logs"
            " WHERE status IN ('received', 'processing', 'failed') AND company_id = ANY(%s::uuid[])",
            self.ids(),
        )
        return int(str(rows[0][0]))

    def listeners_lag(self) -> bool:
        """Tell whether a listener does not know its company's last event."""
        heads = {str(pk): seq for pk, seq in self.query("SELECT company_id, last_seq FROM company_sequences")}
        return any(listener.seq < int(str(heads.get(listener.company.id, 0))) for listener in self.listeners)

    def last_seq(self, company: str) -> int:
        """Return the number of a company's last event."""
        rows = self.query("SELECT last_seq FROM company_sequences WHERE company_id = %s", company)
        return int(str(rows[0][0])) if rows else 0

    async def settle(self) -> None:
        """Wait until nothing is under way any more and the listeners know everything, as long as the figures allow."""
        until = self.last_trouble() + SETTLE_WITHIN_S
        self.settled_s = 0.0
        while await asyncio.to_thread(self.waiting) and time.time() < until:
            await asyncio.sleep(0.25)
            self.settled_s = max(0.0, time.time() - self.last_trouble())
        until = time.time() + 15
        while await asyncio.to_thread(self.listeners_lag) and time.time() < until:
            await asyncio.sleep(0.25)

    async def close(self) -> None:
        for listener in self.listeners:
            await listener.close()
        self._ledger.close()


async def make_run(stack: Stack, name: str, companies: int = 3) -> Run:
    """Make fresh companies for a scenario, and open a socket for each."""
    number = next(_numbers)
    slugs = [f"faults-{number}-{index}" for index in range(companies)]
    made = await asyncio.to_thread(stack.make_companies, *slugs)
    # Digits that no other company's ids begin with: whatever shows them is about this company.
    prefixes = {company.id: f"7{number:02d}{index}9{number:02d}" for index, company in enumerate(made)}
    run = Run(stack, name, number, made, prefixes)
    await asyncio.sleep(1)
    return run
