"""``manage.py prune_personal_data``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integration.personal_data import old_orders, prune_personal_data


class Command(BaseCommand):
    help = (
        "Take customers' data out of finished orders that are older than PERSONAL_DATA_RETENTION_DAYS, and delete customers "
        "whom no order names any more. Amounts and lines stay. The worker does the same every day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.PERSONAL_DATA_RETENTION_DAYS
        if not days:
            self.stdout.write("PERSONAL_DATA_RETENTION_DAYS is 0: nothing is taken out, whatever its age.")
        elif options["dry_run"]:
            self.stdout.write(f"{old_orders().count()} finished orders older than {days} days would be blanked.")
        else:
            self.stdout.write(f"{prune_personal_data()} finished orders older than {days} days were blanked.")
