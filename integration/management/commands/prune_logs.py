"""``manage.py prune_logs``."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integration.management.progress import Progress
from integration.retention import CHORES, clean, count_old


class Command(BaseCommand):
    help = (
        "Take out what is past its retention, of each table in batches: bodies of settled deliveries and of calls "
        "(WEBHOOK_LOG_RETENTION_DAYS), samples of health, messages, comparisons. Rows of deliveries and orders stay, and what "
        "still waits for a person keeps its bytes. Whoever stops it goes on with the next run. The worker does the same every "
        "six hours."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are of each table")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            counts = count_old()
        else:
            progress = Progress(self.stderr, time.monotonic)
            counts = {chore.table: 0 for chore in CHORES} | clean(tell=progress.tell).counts
        verb = "would go" if options["dry_run"] else "are gone"
        for chore in CHORES:
            self.stdout.write(f"{chore.table:<20} {counts[chore.table]:>9} {chore.what} {verb}")
