"""``manage.py prune_personal_data``."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integration.management.progress import Progress
from integration.personal_data import count_old_data, prune_personal_data

WHAT = {
    "orders": "finished orders would be blanked",
    "webhook_logs": "deliveries that wait in vain would lose their bytes",
    "customers": "customers whom no order names would be deleted; those of the orders above come on top",
}


class Command(BaseCommand):
    help = (
        "Take customers' data out of finished orders that are older than PERSONAL_DATA_RETENTION_DAYS, and delete customers "
        "whom no order names any more. Amounts and lines stay. Whoever stops it goes on with the next run. The worker does "
        "the same every day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are of each table")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.PERSONAL_DATA_RETENTION_DAYS
        if not days:
            self.stdout.write("PERSONAL_DATA_RETENTION_DAYS is 0: nothing is taken out, whatever its age.")
        elif options["dry_run"]:
            self.stdout.write(f"Older than {days} days:")
            for table, count in count_old_data().items():
                self.stdout.write(f"{table:<20} {count:>9} {WHAT[table]}")
        else:
            progress = Progress(self.stderr, time.monotonic)
            self.stdout.write(
                f"{prune_personal_data(tell=progress.tell)} finished orders older than {days} days were blanked."
            )
