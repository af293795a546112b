"""``make drill``: a backup under load, its restore, and the proof that nothing which it has to hold is missing.

A private Postgres, web and sweeper as ``make up`` runs them, and a sender of signed orders. In the middle of the load
``pg_dump -Fc`` runs; later the dump is restored beside the first database, ``after_restore`` mends it, both run on it, and
everything is sent once more, as providers do that missed an answer. Everything is gone at the end. Exit code 1, with what did
not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.faults import traffic
from benchmarks.faults.http import livez, request
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import (
    USER,
    MissingError,
    Server,
    free_port,
    postgres_programs,
    postgres_server,
    postgres_url,
)
from benchmarks.faults.stack import INHERITED, KEYS, CompanyAccess
from benchmarks.faults.traffic import Attempt, Event

RATE = 20.0
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
RESTORED = "restored"
START_WITHIN_S, SETTLE_WITHIN_S = 120.0, 60.0
MARK = "drill"


@dataclass(slots=True)
class Drill:
    """What the drill works with, what it measured, and what did not hold."""

    folder: Path
    postgres: Server
    port: int
    companies: list[CompanyAccess] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def url(self, database: str = "postgres") -> str:
        return postgres_url(self.postgres.port).rsplit("/", 1)[0] + f"/{database}"

    def environ(self, database: str) -> dict[str, str]:
        """Return the environment of the product's processes on a database, without Redis: nothing here needs it."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {
            **kept, **KEYS, "DATABASE_URL": self.url(database), "PORT": str(self.port), "WEB_CONCURRENCY": "1",
            "DATA_DIR": str(self.folder / "data"), "TRUSTED_PROXIES": "127.0.0.1",
        }  # fmt: skip

    def manage(self, database: str, *arguments: str) -> str:
        """Run one of the product's commands; return what it printed. Raises MissingError."""
        return self.run([sys.executable, *arguments], self.environ(database))

    def run(self, command: list[str], environ: dict[str, str] | None = None) -> str:
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingError(f"{Path(command[0]).name} {command[1:3]} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def query(self, database: str, sql: str, *values: object) -> list[Any]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(sql, values)
            return found.fetchall() if found.description else []

    def check(self, what: str, *, holds: bool) -> None:
        if not holds:
            self.faults.append(what)

    @contextlib.contextmanager
    def product(self, database: str) -> Iterator[None]:
        """Run the web and the sweeper on a database until the block ends. Raises MissingError."""
        web = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "restaurant_integration.wsgi")
        log = self.folder / "processes.log"
        with log.open("ab") as out:
            processes = [
                subprocess.Popen(
                    [sys.executable, *words], cwd=ROOT, env=self.environ(database), stdin=subprocess.DEVNULL, stdout=out,
                    stderr=out,
                )
                for words in (web, ("manage.py", "run_sweeper"))
            ]  # fmt: skip
        try:
            deadline = time.monotonic() + START_WITHIN_S
            while not livez(self.port):
                if processes[0].poll() is not None or time.monotonic() > deadline:
                    raise MissingError(f"the web did not start: {log.read_text()[-500:]}")
                time.sleep(0.1)
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


# -- the load ----------------------------------------------------------------------------------------------------------


async def send(drill: Drill, event: Event, meant_at: float) -> Attempt:
    """Send an event once; a provider would try again, and does at the end of the drill."""
    await asyncio.sleep(max(0.0, meant_at - time.time()))
    attempt = Attempt(meant_at)
    event.attempts.append(attempt)
    signed = event.signed()
    path = f"/api/integration/webhook/{event.provider}/{event.company.id}"
    attempt.sent_at = time.time()
    path = f"{path}/{signed.path}" if signed.path else path
    attempt.answer = await request(drill.port, signed.method, path, signed.headers, signed.body)
    attempt.answered_at = time.time()
    return attempt


async def load_and_dump(drill: Drill, seconds: float) -> tuple[float, float]:
    """Send for so many seconds; dump in the middle of it. Return when the dump began and ended."""
    prefixes = {company.id: f"7{number:02d}" for number, company in enumerate(drill.companies)}
    drill.events = traffic.orders(drill.companies, prefixes, RATE, seconds)
    started = time.time()
    sending = [asyncio.ensure_future(send(drill, event, started + event.at_s)) for event in drill.events]
    await asyncio.sleep(seconds / 2)
    # Something waits to be told when the dump begins, and is told before the dump is needed.
    await asyncio.to_thread(_leave_a_push, drill)
    began = time.time()
    await asyncio.to_thread(
        drill.run, [str(postgres_programs() / "pg_dump"), "-Fc", "-f", str(drill.folder / "dump"), drill.url()]
    )
    ended = time.time()
    await asyncio.gather(*sending)
    return began, ended


def _leave_a_push(drill: Drill) -> None:
    drill.query(
        "postgres",
        "INSERT INTO outbound_pushes (id, company_id, order_id, provider, route, action, previous_status, seq, reason,"
        " occurred_at, request_id, status, error_code, error, attempts, steps_done, next_attempt_at, created_at)"
        " SELECT gen_random_uuid(), company_id, id, provider, 'provider', 'confirmed', '', seq, %s, now(), '', 'pending',"
        " '', '', 0, 0, now() + interval '1 hour', now() FROM orders ORDER BY created_at LIMIT 1",
        MARK,
    )


def told(drill: Drill) -> None:
    """Note in the first database that the push went out: the backup does not know."""
    sent = "UPDATE outbound_pushes SET status = 'sent', attempts = 1, next_attempt_at = NULL WHERE reason = %s"
    drill.query("postgres", sent, MARK)


# -- what has to hold --------------------------------------------------------------------------------------------------


def logs(drill: Drill, database: str) -> dict[str, list[str]]:
    """Return the status of each stored delivery by the digest of its bytes, as they are in the database."""
    found: dict[str, list[str]] = {}
    for digest, status in drill.query(
        database,
        "SELECT encode(sha256(b.body), 'hex'), l.status FROM webhook_logs l JOIN webhook_bodies b ON b.log_id = l.id",
    ):
        found.setdefault(digest, []).append(status)
    return found


def check_restored(drill: Drill, began: float) -> None:
    """Everything that was acknowledged before the dump began is there, whole and with its effect."""
    stored = logs(drill, RESTORED)
    before = [e for e in drill.events if e.is_acknowledged and any(a.answered_at < began for a in e.attempts)]
    lost = [event for event in before if event.digest not in stored]
    drill.check(f"{len(lost)} events that were acknowledged before the dump are not in it", holds=not lost)
    drill.check("nothing was acknowledged before the dump", holds=len(before) > 5)
    drill.figures["acknowledged before the dump"] = f"{len(before)}, lost {len(lost)}"
    drill.figures["acknowledged after it, not in it"] = str(
        sum(event.is_acknowledged and event.digest not in stored for event in drill.events)
    )
    for what, sql in (
        ("processed events without their order", "SELECT count(*) FROM webhook_logs l WHERE l.status = 'processed'"
         " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.order_id)"),
        ("orders without lines", "SELECT count(*) FROM orders o WHERE NOT EXISTS"
         " (SELECT 1 FROM order_items i WHERE i.order_id = o.id)"),
        ("orders without a timeline", "SELECT count(*) FROM orders o WHERE NOT EXISTS"
         " (SELECT 1 FROM order_events e WHERE e.order_id = o.id)"),
        ("companies whose numbers have a gap in the backup", "SELECT count(*) FROM (SELECT company_id FROM order_events"
         " WHERE seq IS NOT NULL GROUP BY company_id HAVING max(seq) <> count(*) OR min(seq) <> 1) t"),
    ):  # fmt: skip
        ((count,),) = drill.query(RESTORED, sql)
        drill.check(f"{count} {what}", holds=count == 0)


def numbers(drill: Drill, database: str) -> dict[str, int]:
    """Return each company's last number."""
    return {str(pk): seq for pk, seq in drill.query(database, "SELECT company_id, last_seq FROM company_sequences")}


def given_numbers(drill: Drill) -> dict[str, int]:
    """Return each company's last event that the backup has."""
    return dict(drill.query(RESTORED, "SELECT company_id::text, max(seq) FROM order_events GROUP BY company_id"))


def check_numbers(drill: Drill, screens: dict[str, int], given: dict[str, int]) -> None:
    """No number that a screen may have seen is given again, and who saw what is lost is told to read anew."""
    for company in drill.companies:
        seen, kept, now = screens[company.id], given[company.id], numbers(drill, RESTORED)[company.id]
        drill.check(f"{company.slug} goes on at {now}, screens have {seen}", holds=now > seen)
        # Where nothing of a company was lost, its screens are right.
        for since, expected in ((seen, 410 if seen > kept else 200), (kept, 200), (now, 200)):
            path, token = f"/api/orders/changes?since={since}", {"Authorization": f"Token {company.token}"}
            answer = asyncio.run(request(drill.port, "GET", path, token))
            drill.check(f"changes since {since} answered {answer.status}", holds=answer.status == expected)


def check_push(drill: Drill) -> None:
    """What the backup takes for untold is told again as a repeated try, and not at once."""
    rows = drill.query(
        RESTORED, "SELECT status, attempts, next_attempt_at > now() FROM outbound_pushes WHERE reason = %s", MARK
    )
    drill.check(f"the push that was told after the dump is {rows}", holds=rows == [("failed", 1, True)])


async def send_again(drill: Drill, known: dict[str, list[str]]) -> None:
    """Send everything once more: what the backup has is known, what it lacks is taken."""
    gate = asyncio.Semaphore(8)

    async def again(event: Event) -> None:
        async with gate:
            attempt = await send(drill, event, time.time())
        answer = (
            attempt.answer.json().get("status") if attempt.answer and 200 <= attempt.status < 300 else attempt.status
        )
        taken = {"processed", "ignored", "parked"}
        # One that the dump met in the middle of its work has not been worked yet: it is told as it is.
        expected = taken if event.digest not in known else {"duplicate"}
        if set(known.get(event.digest, ())) & {"received", "processing", "failed"}:
            expected = {"duplicate", "queued"}
        drill.check(f"an event was answered {answer}, not {expected}", holds=answer in expected)

    await asyncio.gather(*map(again, drill.events))


def check_end(drill: Drill) -> None:
    """Each event is stored once and has come to its end; there is one order for each that was placed."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while time.monotonic() < deadline:
        stored = logs(drill, RESTORED)
        if not any({"received", "processing", "failed"} & set(statuses) for statuses in stored.values()):
            break
        time.sleep(0.2)
    ends = {status for statuses in stored.values() for status in statuses}
    drill.check(f"events ended as {sorted(ends)}", holds=ends <= {"processed", "ignored"})
    missing = [event for event in drill.events if len(stored.get(event.digest, [])) != 1]
    drill.check(f"{len(missing)} events are not there exactly once after they were sent again", holds=not missing)
    orders = {(event.company.id, event.provider, event.external_id) for event in drill.events}
    ((count,),) = drill.query(RESTORED, "SELECT count(*) FROM orders")
    drill.check(f"{count} orders of {len(orders)}", holds=count == len(orders))


# -- the drill ---------------------------------------------------------------------------------------------------------


def play(drill: Drill, seconds: float) -> None:
    """Run the whole of it; what does not hold is in ``faults``. Raises MissingError."""
    drill.postgres.start()
    drill.manage("postgres", "manage.py", "migrate", "--verbosity", "0")
    made = drill.manage("postgres", "-m", "benchmarks.faults.install", "drill-a", "drill-b")
    drill.companies = [CompanyAccess(**entry) for entry in json.loads(made)]
    with drill.product("postgres"):
        began, ended = asyncio.run(load_and_dump(drill, seconds))
    told(drill)
    screens = numbers(drill, "postgres")
    drill.figures["dump"] = f"{ended - began:.1f} s, {(drill.folder / 'dump').stat().st_size / 1024:.0f} kB"
    since = time.monotonic()
    programs = postgres_programs()
    drill.run([str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(drill.postgres.port), "-U", USER, RESTORED])
    drill.run([str(programs / "pg_restore"), "--exit-on-error", "-d", drill.url(RESTORED), str(drill.folder / "dump")])
    check_restored(drill, began)
    drill.figures["after_restore"] = drill.manage(RESTORED, "manage.py", "after_restore").splitlines()[0]
    # Read before it serves: what the dump met in the middle of its work is worked at once, under a number of its own.
    given = given_numbers(drill)
    with drill.product(RESTORED):
        drill.figures["restored and serving after"] = f"{time.monotonic() - since:.1f} s"
        check_numbers(drill, screens, given)
        check_push(drill)
        asyncio.run(send_again(drill, logs(drill, RESTORED)))
        check_end(drill)
        after = numbers(drill, RESTORED)
        drill.check("a number was given twice", holds=all(after[pk] > seq for pk, seq in screens.items()))


def main(arguments: list[str]) -> int:
    """Run the drill, print what it measured and what did not hold; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make drill", description="Back up under load, restore, and check everything."
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="how long the load lasts (default: 12)")
    seconds = parser.parse_args(arguments).seconds
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not below a directory that only root may enter: Postgres runs as somebody else then.
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir="/tmp"))
    started = time.monotonic()
    drill: Drill | None = None
    try:
        folder.chmod(0o755)
        drill = Drill(folder, postgres_server(folder, *FAST), free_port())
        play(drill, seconds)
    except MissingError as error:
        print(f"The drill could not be made: {error}", file=sys.stderr)
        return 2
    finally:
        if drill is not None:
            drill.postgres.stop(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)
    for name, value in drill.figures.items():
        print(f"{name}: {value}")
    for fault in drill.faults:
        print(f"DOES NOT HOLD: {fault}")
    print(
        f"{'FAILED' if drill.faults else 'PASSED'} in {time.monotonic() - started:.0f} s, {len(drill.events)} events sent."
    )
    return int(bool(drill.faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
