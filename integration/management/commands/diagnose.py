"""``manage.py diagnose``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.companies import named_company
from integration.diagnosis import State, diagnose


class Command(BaseCommand):
    help = (
        "Check every dependency and integration, one line each: ok, note (works, but look at it) or FAIL. Exit code 1 when one "
        "fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--company", default="", help="slug or id: only this one's credentials (default: all companies)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # A database that is away is what this command is asked about, so it is not looked up before the first check.
        failed = 0
        for finding in diagnose(lambda: named_company(options["company"]) if options["company"] else None):
            self.stdout.write(f"{finding.state.value:<5} {finding.subject:<28} {finding.says}".rstrip())
            failed += finding.state is State.FAIL
        if failed:
            raise CommandError(f"{failed} of the checks failed.")
