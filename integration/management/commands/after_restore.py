"""``manage.py after_restore``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integration.restoring import count_restored, mend_restored
from orders.times import iso_time


class Command(BaseCommand):
    help = (
        "Bring a database that was just restored from a backup into a state to go on from, before any process starts: "
        "numbers leap ahead of whatever screens have seen, and what was waiting to be told is told again as a repeated try."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what there is to do")

    def handle(self, *args: Any, **options: Any) -> None:
        done = count_restored() if options["dry_run"] else mend_restored()
        verb = "would leap" if options["dry_run"] else "leapt"
        self.stdout.write(
            f"The numbers of {done.companies} companies {verb} ahead; {done.pushes} pushes are told again."
        )
        if done.last_event_at is None:
            self.stdout.write("The backup holds no order event.")
            return
        since = iso_time(done.last_event_at)
        self.stdout.write(f"The newest event of the backup is of {since}. When the processes run:")
        self.stdout.write(f"  manage.py reconcile --since {since}   (what providers list and the backup lacks)")
        self.stdout.write("  revoke again what was revoked since then: tokens, members, passwords, credentials")
