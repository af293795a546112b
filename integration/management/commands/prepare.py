"""``manage.py prepare``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.preparing import LOCK_TIMEOUT_S, StillLockedError, prepare


class Command(BaseCommand):
    help = "Bring the database up to date. Safe when several processes do it at once: they wait for each other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="seed the demo company where there is no company yet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            prepare(demo=options["demo"])
        except StillLockedError:
            raise CommandError(
                f"Another process has been preparing this database for over {LOCK_TIMEOUT_S} s. "
                "End it if it hangs, then run this again."
            ) from None
        self.stdout.write("The database is up to date.")
