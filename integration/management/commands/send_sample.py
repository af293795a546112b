"""``manage.py send_sample``."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from integration.companies import default_company, named_company
from integration.samples import Answer, NobodyAnswersError, SampleSender, SampleSetupError
from providers.registry import ADAPTERS

SENDERS = 8
"""How many requests are under way at once when many are sent."""


class Command(BaseCommand):
    help = (
        "Sign and send what a provider would, to a running server. An event about an order sends a new order first, and then "
        "the event about it. Prints one line per answer; exit code 1 unless each is 2xx."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help=f"{', '.join(ADAPTERS)} or all")
        parser.add_argument(
            "--event", default="created", help="an event, such as created or cancelled, or all (default: created)"
        )
        parser.add_argument(
            "--dialect", choices=["hub", "native"], default="hub", help="NEXARA's or the provider's own (default: hub)"
        )
        parser.add_argument("--url", default="", help="the server (default: APP_BASE_URL)")
        parser.add_argument("--ca", default="", help="a file of authorities to trust, for a certificate of one's own")
        parser.add_argument("--company", default="", help="slug or id (default: the only one, else the demo company)")
        parser.add_argument("--count", type=int, default=1, help="how many of each (default: 1)")
        parser.add_argument(
            "--rate", type=float, default=0, help="how many a second (default: as fast as they are answered)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slugs = list(ADAPTERS) if options["provider"] == "all" else [options["provider"]]
        if unknown := set(slugs) - set(ADAPTERS):
            raise CommandError(f"No provider is called {unknown.pop()}; there are: {', '.join(ADAPTERS)}, all.")
        if options["count"] < 1 or options["rate"] < 0:
            raise CommandError("--count is at least 1, and --rate is above 0.")
        if options["ca"] and not Path(options["ca"]).is_file():
            raise CommandError(f"There is no file {options['ca']}.")
        company = named_company(options["company"]) if options["company"] else default_company()
        url = (options["url"] or settings.APP_BASE_URL).rstrip("/")
        try:
            jobs = [
                (sender, event)
                for sender in (SampleSender(company, slug, options["dialect"], url, ca=options["ca"]) for slug in slugs)
                for event in sender.events(options["event"])
            ]
        except SampleSetupError as error:
            raise CommandError(str(error)) from None
        try:
            answers = self._send(jobs, options["count"], options["rate"])
        except NobodyAnswersError as error:
            raise CommandError(
                f"Nobody answers at {url} ({error}). Start the server with `make run`, or name it with --url."
            ) from None
        failed = sum(not answer.is_accepted for answer in answers)
        if failed:
            raise CommandError(f"{failed} of {len(answers)} answers were no 2xx.")

    def _send(self, jobs: list[tuple[SampleSender, str]], count: int, rate: float) -> list[Answer]:
        total = len(jobs) * count
        columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        answers: list[Answer] = []
        # The bar is for eyes, the lines are for programs too.
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=total == 1 or not console.is_terminal) as bar:
            task = bar.add_task("sending", total=total)
            with ThreadPoolExecutor(max_workers=1 if total == len(jobs) else SENDERS) as pool:
                futures: list[Future[list[Answer]]] = []
                started = time.monotonic()
                for number in range(total):
                    if rate:
                        time.sleep(max(0.0, started + number / rate - time.monotonic()))
                    sender, event = jobs[number % len(jobs)]
                    futures.append(pool.submit(sender.send, event, number // len(jobs) + 1))
                    if any(future.done() and future.exception() for future in futures[-SENDERS * 2 :]):
                        break
                try:
                    for future in futures:
                        for answer in future.result():
                            answers.append(answer)
                            self.stdout.write(answer.line())
                        bar.advance(task)
                except NobodyAnswersError:
                    pool.shutdown(cancel_futures=True)
                    raise
        return answers
