"""``manage.py simulate``."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from integration.companies import default_company, named_company
from integration.sandbox.accounts import PLAYED
from integration.sandbox.comparison import compare_calls
from integration.sandbox.floor import Floor, FloorError, Placed
from integration.sandbox.loop import SandboxLoop
from integration.sandbox.orders import MAX_SPEED
from integration.sandbox.outcome import Outcome, is_settled, read_outcome
from integration.sandbox.rush import MOST_ORDERS, PlannedOrder, plan_rush
from integration.stopping import stop_on_signal
from integration.temporary_tokens import temporary_tokens
from orders.models import Company
from orders.transitions import RANK
from providers.registry import ADAPTERS

SETTLE_S = 50.0
"""How long we look on after the last order; what is left of the minute is for tidying up."""
CALLS_PER_ORDER = 7
SHOWN_DIFFERENCES = 20
TOKEN_NAME = "simulate"  # noqa: S105 — a name
STATUSES = (*(status.value for status in RANK), "missing")
LABELS = {"missing": "not arrived"}


class Command(BaseCommand):
    help = (
        "A dinner rush through the running server's sandbox: orders of every kind, with everything that goes wrong at times, "
        "and the staff's work on them. Ends within 60 seconds of the last order with what became of each; Ctrl-C ends it "
        "sooner. Exit code 1 if an order that was placed did not arrive, if one ended without a reason, or if the calls that "
        "the sandbox wrote down are not those of the outbox."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rate", type=float, default=0.5, help="orders a second, up to 10 (default: 0.5)")
        parser.add_argument("--minutes", type=float, default=2, help="how long orders come, up to 60 (default: 2)")
        parser.add_argument("--providers", default=",".join(PLAYED), help="some of them, with commas (default: all)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed plans the same rush (default: 1)")
        parser.add_argument("--company", default="", help="slug or id (default: the only one, else the demo company)")
        parser.add_argument("--no-staff", action="store_true", help="leave the staff's work to you")
        parser.add_argument("--speed", type=float, default=20, help="how fast the sandbox's clock runs (default: 20)")
        parser.add_argument("--url", default="", help="the server (default: APP_BASE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        providers = [slug.strip() for slug in options["providers"].split(",") if slug.strip()]
        _check(options, providers)
        company = named_company(options["company"]) if options["company"] else default_company()
        url = (options["url"] or settings.APP_BASE_URL).rstrip("/")
        plan = plan_rush(
            seed=options["seed"],
            rate=options["rate"],
            minutes=options["minutes"],
            providers=providers,
            speed=options["speed"],
        )
        placed: list[Placed] = []
        with stop_on_signal() as stop, _tokens(company, options) as keys, _loop(url), _bar(len(plan)) as advance:

            def on_placed(one: Placed) -> None:
                placed.append(one)
                advance()

            floor = Floor(url, keys, speed=options["speed"], has_staff=not options["no_staff"], on_placed=on_placed)
            try:
                floor.play(plan, stop=stop, settle_s=SETTLE_S, is_settled=lambda: is_settled(company, list(placed)))
            except FloorError as error:
                raise CommandError(str(error)) from None
        outcome = read_outcome(company, placed)
        self._report(plan, placed, providers, outcome, was_stopped=stop.is_set())
        faults = self._compare(company, placed)
        if stop.is_set():
            return
        if outcome.missing or floor.refused:
            raise CommandError(f"{outcome.missing + floor.refused} orders did not arrive.")
        if outcome.unexplained:
            raise CommandError(
                f"{len(outcome.unexplained)} orders ended and nobody says why: {outcome.unexplained[:5]}"
            )
        if faults:
            raise CommandError(f"The outbox and the sandbox differ in {faults} calls.")

    def _compare(self, company: Company, placed: Sequence[Placed]) -> int:
        """Print whether the outbox and the sandbox agree on every call; return how many differences there are."""
        found = compare_calls(company, placed)
        verdict = f"{len(found.differences)} differences" if found.differences else "they agree, call by call"
        self.stdout.write(
            f"Calls to the providers: {found.ours} in the outbox, {found.theirs} in the sandbox: {verdict}."
        )
        if found.by_hub:
            self.stdout.write(
                f"{found.by_hub} orders came through NEXARA, which calls the providers itself: not compared."
            )
        for text in found.differences[:SHOWN_DIFFERENCES]:
            self.stdout.write(f"  {text}")
        return len(found.differences)

    def _report(
        self,
        plan: Sequence[PlannedOrder],
        placed: Sequence[Placed],
        providers: Sequence[str],
        outcome: Outcome,
        *,
        was_stopped: bool,
    ) -> None:
        table = Table(title="Orders by what became of them")
        table.add_column("status")
        for slug in providers:
            table.add_column(ADAPTERS[slug].name, justify="right")
        table.add_column("all", justify="right")
        for status in STATUSES:
            counts = [outcome.by_status[slug, status] for slug in providers]
            if sum(counts):
                table.add_row(
                    LABELS.get(status, status.replace("_", " ")),
                    *(str(count or "") for count in counts),
                    str(sum(counts)),
                )
        console = Console(width=100, no_color=not self.stdout.isatty())
        with console.capture() as captured:
            console.print(table)
        self.stdout.write(captured.get())
        sent = outcome.deliveries
        self.stdout.write(
            f"{'Stopped. ' if was_stopped else ''}{len(placed)} of {len(plan)} orders placed, {outcome.marked} of them need "
            f"attention; {sum(sent.values())} webhooks: {sent['delivered']} delivered, {sent['waiting']} waiting, "
            f"{sent['given_up']} given up, {outcome.retried} sent more than once."
        )


def _check(options: dict[str, Any], providers: Sequence[str]) -> None:
    if not providers or set(providers) - set(PLAYED):
        raise CommandError(f"--providers are some of: {', '.join(PLAYED)}.")
    if not 0 < options["rate"] <= 10 or not 0 < options["minutes"] <= 60:
        raise CommandError("--rate is above 0 and up to 10, --minutes above 0 and up to 60.")
    if options["rate"] * options["minutes"] * 60 > MOST_ORDERS:
        raise CommandError(f"That would be more than {MOST_ORDERS} orders.")
    if not 1 <= options["speed"] <= MAX_SPEED:
        raise CommandError(f"--speed is 1 to {MAX_SPEED:g}.")


def _tokens(company: Company, options: dict[str, Any]) -> AbstractContextManager[list[str]]:
    """Make the run's tokens, enough for the calls that each may make."""
    wanted = math.ceil(options["rate"] * 60 * CALLS_PER_ORDER / settings.API_RATE_LIMIT_PER_MINUTE) + 1
    return temporary_tokens(company, TOKEN_NAME, count=wanted, minutes=options["minutes"] + 10)


@contextmanager
def _loop(url: str) -> Iterator[None]:
    """Move the sandbox on from here as well, so that a server of several processes needs no loop of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=SandboxLoop(url).run, args=(stop,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=15)


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("ordering", total=total)

        def advance() -> None:
            bar.advance(task)
            if bar.finished:
                bar.update(task, description="eating")

        yield advance
