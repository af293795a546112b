"""``manage.py roll_up``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integration.companies import named_company
from integration.rollup import advance, check, sum_month, write
from orders.models import Company
from orders.rollup.keeping import months_to_sum, pending_days, start_over

STEP = 25


class Command(BaseCommand):
    help = (
        "Bring the figures of closed days up to date, as the worker does every minute. --check counts every closed day again "
        "and compares it with what is kept, writes nothing, and exits with 1 where one differs. --rebuild counts every day "
        "again that has raw rows left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--company", default="", help="slug or id: only this one's (default: all)")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--check", action="store_true", help="compare what is kept with the raw rows; writes nothing")
        how.add_argument("--rebuild", action="store_true", help="count every day again")

    def handle(self, *args: Any, **options: Any) -> None:
        companies = (
            [named_company(options["company"])] if options["company"] else list(Company.objects.order_by("name"))
        )
        if options["check"]:
            wrong = sum(self._check(company) for company in companies)
            if wrong:
                raise CommandError(f"{wrong} days differ from their raw rows; --rebuild counts them again.")
            return
        for company in companies:
            if options["rebuild"]:
                start_over(company)
            self._write(company)

    def _write(self, company: Company) -> None:
        advance(company, timezone.now())
        days = pending_days(company)
        for number, day in enumerate(days, 1):
            write(company, day, timezone.now())
            if number % STEP == 0 and number < len(days):
                self.stderr.write(f"{company.slug}: {number} of {len(days)} days")
        for month in months_to_sum(company):
            sum_month(company, month, timezone.now())
        self.stdout.write(f"{company.slug}: {len(days)} days counted.")

    def _check(self, company: Company) -> int:
        """Tell of each day that differs; return how many do."""
        exact, waiting, wrong = 0, 0, 0
        for number, (day, found) in enumerate(check(company, timezone.now()), 1):
            exact, waiting, wrong = exact + (found == []), waiting + (found is None), wrong + bool(found)
            for line in found or ():
                self.stdout.write(f"{company.slug} {day}: {line}")
            if number % STEP == 0:
                self.stderr.write(f"{company.slug}: {number} days looked at")
        self.stdout.write(f"{company.slug}: {exact} days are exact, {wrong} differ, {waiting} wait to be counted.")
        return wrong
