"""``manage.py rotate_keys``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.key_rotation import Rotation, rotate_keys

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret with the first key of CREDENTIAL_ENCRYPTION_KEY. Put the new key first and keep the old "
        "one behind it, restart every process, run this, then drop the old key. Safe while everything runs, and to repeat. "
        "Exit code 1 where a row is left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        done = rotate_keys(dry_run=options["dry_run"], progress=self._progress)
        if options["dry_run"]:
            self.stdout.write(
                f"{done.rotated} of {done.total} secrets would be encrypted anew; {done.current} are already."
            )
        else:
            self.stdout.write(
                f"{done.rotated} of {done.total} secrets were encrypted anew; {done.current} were already."
            )
        if done.unreadable:
            rows = ", ".join(done.unreadable[:SHOWN]) + (" …" if len(done.unreadable) > SHOWN else "")
            raise CommandError(
                f"None of the {len(settings.FERNET_KEYS)} keys of CREDENTIAL_ENCRYPTION_KEY opens {len(done.unreadable)} rows, "
                f"which were left as they are: {rows}. Add the key that wrote them behind the first, and run this again."
            )
        if done.busy:
            raise CommandError(f"{done.busy} rows were changed each time they were read; run this again.")
        old = len(settings.FERNET_KEYS) - 1
        if old and not options["dry_run"]:
            self.stdout.write(
                f"The {old} key(s) behind the first can be dropped, once every process has been started with this first key."
            )

    def _progress(self, done: Rotation) -> None:
        self.stderr.write(f"{done.current + done.rotated} of {done.total}")
