"""``manage.py prune_logs``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integration.housekeeping import prunable_bodies, prune_bodies


class Command(BaseCommand):
    help = (
        "Delete the bytes of settled deliveries that are older than WEBHOOK_LOG_RETENTION_DAYS. Their rows stay, and what "
        "still waits for a person keeps its bytes. The worker does the same every six hours."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.WEBHOOK_LOG_RETENTION_DAYS
        if options["dry_run"]:
            self.stdout.write(f"The bodies of {prunable_bodies()} deliveries older than {days} days would go.")
        else:
            self.stdout.write(f"The bodies of {prune_bodies()} deliveries older than {days} days are gone.")
