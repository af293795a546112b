"""``manage.py reconcile``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integration.companies import named_company
from integration.management.commands.replay import read_since
from integration.models.credential import NEXARA
from integration.reconciliation.companies import sources_of
from integration.reconciliation.runs import Comparison, compare, reconcile, window_of
from integration.reconciliation.source import Source, SourceError
from orders.models import Company
from providers.registry import ADAPTERS

HEADS = ("company", "list", "since", "listed", "missing", "called off", "imported", "failed", "left")


class Command(BaseCommand):
    help = (
        "Compare what came with what the providers, and the hub, list, and import what never came. The worker does the same "
        "every 15 minutes. Exit code 1 where a list could not be asked for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--company", default="", help="slug or id: only this one (default: all)")
        parser.add_argument("--source", choices=[*ADAPTERS, NEXARA], help="only this list")
        parser.add_argument(
            "--since", default="", help="from then on: 2026-01-31T10:00Z, or an age such as 90m, 6h (24 h at most)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what is missing; nothing is written")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        since = read_since(options["since"], now) if options["since"] else None
        companies = (
            [named_company(options["company"])] if options["company"] else list(Company.objects.order_by("slug"))
        )
        rows: list[tuple[str, ...]] = []
        failed = 0
        for number, company in enumerate(companies, start=1):
            for name, source in sources_of(company).items():
                if options["source"] not in (None, name):
                    continue
                if isinstance(source, str):
                    self.stderr.write(f"{company.slug} {name}: {source}")
                    continue
                self.stderr.write(f"[{number}/{len(companies)}] {company.slug} {name} …")
                done = self._look(source, now, since) if options["dry_run"] else reconcile(source, now, since=since)
                if done is None:
                    self.stderr.write(f"{company.slug} {name}: another run is under way.")
                    continue
                if done.error:
                    failed += 1
                    self.stderr.write(f"{company.slug} {name} could not be compared: {done.error}")
                rows.append(_row(company, done))
                for listed in done.missing + done.called_off:
                    self.stderr.write(f"  {listed.provider} {listed.external_id}")
        self._table(rows)
        if failed:
            raise CommandError(f"{failed} lists could not be compared.")

    def _look(self, source: Source, now: Any, since: Any) -> Comparison:
        window = window_of(source, now, since)
        try:
            return compare(source, window)[0]
        except SourceError as error:
            return Comparison(source.name, window, error=str(error))

    def _table(self, rows: list[tuple[str, ...]]) -> None:
        if not rows:
            self.stdout.write("There is no list to compare with.")
            return
        widths = [max(len(row[place]) for row in (HEADS, *rows)) for place in range(len(HEADS))]
        for row in (HEADS, *rows):
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(company: Company, done: Comparison) -> tuple[str, ...]:
    if done.error:
        return (company.slug, done.source, "–", *["–"] * (len(HEADS) - 3))
    figures = (done.listed, len(done.missing), len(done.called_off), len(done.imported), len(done.failed), done.left)
    return (company.slug, done.source, f"{done.since:%Y-%m-%d %H:%M}", *map(str, figures))
