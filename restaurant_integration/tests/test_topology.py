"""The installation as ``make up`` runs it, behind nginx with TLS: nothing is lost while each part is restarted in turn."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.faults.checks import check_log, check_numbers, check_orders, check_sockets
from benchmarks.faults.http import Answer, request
from benchmarks.faults.run import Run, make_run
from benchmarks.faults.servers import MissingError, postgres_programs
from benchmarks.faults.stack import ROOT, Stack
from deploy import certificate
from deploy.reload import children

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif("postgres" not in os.environ.get("DATABASE_URL", ""), reason="runs with the Postgres part"),
    pytest.mark.skipif(shutil.which("nginx", path=os.defpath + ":/usr/sbin") is None, reason="needs nginx"),
]
RATE = 10.0
BACK_WITHIN_S = 60
OTHERS = ("sockets", "sweeper", "worker", "beat", "nginx")
DOOR = "/api/integration/webhook/careem"
FORGED = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http",
          "X-Careem-Signature": "no"}  # fmt: skip


class Play:
    """One run through everything, and what came of it."""

    def __init__(self) -> None:
        self.stack = Stack()
        self.run: Run
        self.answers: dict[str, Answer] = {}
        self.reloaded = self.renewed = False
        self.smoke: subprocess.CompletedProcess[str]
        self.while_reloading: list[int] = []
        self.faults: list[str] = []
        self.log = ""

    async def play(self) -> None:
        stack = self.stack
        stack.start_servers()
        settings = stack.put_behind_nginx()
        await asyncio.to_thread(stack.up, settings)
        run = self.run = await make_run(stack, "topology", companies=1)
        try:
            async with run.load(3, rate=RATE):
                await self.ask()
                self.smoke = await asyncio.to_thread(self.run_smoke)
            before = len(run.events)
            async with run.load(7, rate=RATE):
                await asyncio.sleep(1)
                await asyncio.gather(self.reload_web(), self.renew_certificate())
            self.while_reloading = [a.status for event in run.events[before:] for a in event.attempts]
            async with run.load(10, rate=RATE):
                for name in OTHERS:
                    with run.fault():
                        await self.restart(name)
                with run.fault():
                    self.answers["away"] = await self.while_web_is_stopped()
            await run.settle()
            logs = check_log(run)
            check_orders(run, logs)
            check_numbers(run)
            check_sockets(run)
            self.faults = run.faults
        finally:
            await run.close()
            self.log = stack.log.read_text()

    async def ask(self) -> None:
        """Ask what nginx itself decides."""
        stack, company = self.stack, self.run.companies[0]
        door = f"{DOOR}/{company.id}"
        for name, path, headers, body in (
            ("at the border", door, FORGED, b" " * (1024 * 1024 + 1)),
            ("far too large", door, FORGED, b" " * (2 * 1024 * 1024)),
            ("forged", door, FORGED, b"{}"),
        ):
            self.answers[name] = await request(stack.https_port, "POST", path, headers, body, tls=stack.tls)
        for name, path in (
            ("static", "/static/css/base.css"), ("searched", "/orders/?search=PRIVATE-WORD"), ("not static", "/static/no"),
        ):  # fmt: skip
            self.answers[name] = await request(stack.https_port, "GET", path, {}, tls=stack.tls)
        write_challenge(stack.data)
        self.answers["plain at tls"] = await request(stack.https_port, "GET", "/orders/?a=b", {})
        for name, path in (("plain", "/orders/?a=b"), ("challenge", "/.well-known/acme-challenge/a-token")):
            self.answers[name] = await request(stack.plain_port, "GET", path, {})

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the program with the installation's settings."""
        assert self.stack.env is not None
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.stack.environ(self.stack.env),
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def run_smoke(self) -> subprocess.CompletedProcess[str]:
        """Do what an operator does after a deployment."""
        return self.command("manage.py", "smoke", "--ca", str(self.stack.folder / "tls" / certificate.CERTIFICATE))

    async def reload_web(self) -> None:
        """Give web new workers, as an operator does after an update."""
        master = self.stack.pid("web")
        old = set(children(master))
        done = await asyncio.to_thread(self.command, "-m", "deploy.reload")
        now = set(children(master))
        self.reloaded = (done.returncode, self.stack.pid("web"), len(now), now & old) == (0, master, len(old), set())

    async def renew_certificate(self) -> None:
        """Put another certificate in the place of the first, as certbot's hook does, and have nginx take it up."""
        assert self.stack.env is not None
        assert self.stack.tls is not None
        made = certificate.make(["localhost"], 2, datetime.now(UTC))
        self.stack.tls.load_verify_locations(cadata=made[0].decode())
        for name, data in zip(("TLS_CERTIFICATE", "TLS_KEY"), made, strict=True):
            replace(Path(self.stack.env[name]), data)
        os.kill(self.stack.pid("nginx"), signal.SIGHUP)

        # Until its former workers have ended, either may answer.
        def is_shown() -> bool:
            self.renewed |= ssl.get_server_certificate(("127.0.0.1", self.stack.https_port)) == made[0].decode()
            return self.renewed

        await self.run.wait_for("certificate renewed", is_shown, BACK_WITHIN_S)

    async def restart(self, name: str) -> None:
        pid = self.stack.pid(name)
        os.kill(pid, signal.SIGTERM)
        await self.run.wait_for(f"{name} back", lambda: self.stack.pid(name) not in {0, pid}, BACK_WITHIN_S)
        if name == "nginx":
            await self.run.wait_for("nginx answers", self.is_live, BACK_WITHIN_S)

    def is_live(self) -> bool:
        return asyncio.run(request(self.stack.https_port, "GET", "/livez", {}, tls=self.stack.tls)).status == 200

    async def while_web_is_stopped(self) -> Answer:
        """Return what a provider is told while there is no web at all."""
        supervisor = self.stack.supervisor()
        await asyncio.to_thread(supervisor.stopProcess, "all:web")
        try:
            return await request(self.stack.https_port, "POST", DOOR, FORGED, b"{}", tls=self.stack.tls)
        finally:
            await asyncio.to_thread(supervisor.startProcess, "all:web")
            await self.run.wait_for("web answers", self.is_live, BACK_WITHIN_S)


def replace(path: Path, data: bytes) -> None:
    """Put other bytes in the place of a file, at once."""
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    draft.replace(path)


def write_challenge(data: Path) -> None:
    """Do what certbot does with ``--webroot``."""
    challenge = data / "acme/.well-known/acme-challenge/a-token"
    challenge.parent.mkdir(parents=True)
    challenge.write_text("proof")


@pytest.fixture(scope="module")
def played():
    try:
        postgres_programs()
    except MissingError as reason:
        pytest.skip(str(reason))
    play = Play()
    try:
        asyncio.run(play.play())
    finally:
        play.stack.stop()
    return play


def test_nothing_is_lost_while_each_process_is_restarted(played):
    assert played.faults == []
    assert played.run.notes["lost"] == "0"
    assert played.run.notes["acknowledged"] == played.run.notes["events"]
    assert {event.provider for event in played.run.events} == {"careem", "talabat", "deliveroo", "jahez"}


def test_new_workers_and_a_new_certificate_cost_no_answer(played):
    assert (played.reloaded, played.renewed) == (True, True)
    assert len(played.while_reloading) > 50
    assert {status // 100 for status in played.while_reloading} == {2}


def test_the_socket_through_nginx_hears_of_every_event(played):
    (listener,) = played.run.listeners
    orders = {event.external_id for event in played.run.events}
    assert {frame["externalOrderId"] for frame in listener.events.values()} == orders
    assert listener.connects >= 2


def test_smoke_says_that_each_provider_comes_through(played):
    assert played.smoke.returncode == 0, played.smoke.stderr
    lines = played.smoke.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", "careem"], ["ok", "talabat"], ["ok", "deliveroo"], ["ok", "jahez"],
    ]  # fmt: skip
    assert all("on the screen after" in line for line in lines)


@pytest.mark.parametrize("name", ["at the border", "far too large"])
def test_a_body_that_is_too_large_is_refused_in_the_contracts_words(played, name):
    answer = played.answers[name]
    message = "A body has at most 1048576 bytes."
    expected = {"success": False, "error": "payload_too_large", "message": message, "details": {}}
    assert (answer.status, answer.json()) == (413, expected)


def test_a_sender_chooses_neither_address_nor_protocol(played):
    # The protocol that was forged would have been answered by a redirect to https.
    assert played.answers["forged"].status == 401
    assert "203.0.113.9" not in played.log


def test_web_that_is_away_is_answered_in_the_contracts_words(played):
    answer = played.answers["away"]
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    expected = {"success": False, "error": "unavailable", "message": "Try again in a moment.", "details": {}}
    assert answer.json() == expected


@pytest.mark.parametrize("name", ["plain", "plain at tls"])
def test_plain_http_leads_to_the_same_place_over_tls(played, name):
    answer = played.answers[name]
    assert answer.status == 308
    assert answer.headers["location"] == f"https://localhost:{played.stack.https_port}/orders/?a=b"


def test_an_authority_finds_its_challenge(played):
    assert (played.answers["challenge"].status, played.answers["challenge"].body) == (200, b"proof")


def test_static_files_come_from_web(played):
    answer = played.answers["static"]
    assert answer.status == 200
    assert answer.headers["cache-control"] == "max-age=0, public"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert played.answers["not static"].status == 404


def test_the_log_of_nginx_has_paths_and_no_queries(played):
    lines = [json.loads(line) for line in played.log.splitlines() if '"logger": "nginx"' in line]
    assert {"/orders/", f"{DOOR}/{played.run.companies[0].id}"} <= {line["path"] for line in lines}
    assert "PRIVATE-WORD" not in played.log
    assert {line["network"] for line in lines} == {"127.0.0.0"}
    assert not [secret for company in played.run.companies for secret in company.secrets() if secret in played.log]
