"""``manage.py export_customer``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.management.person import add_person_arguments, chosen_person
from integration.personal_data import export_person


class Command(BaseCommand):
    help = "Write everything that a company holds of a customer into one JSON file, for them to read."

    def add_arguments(self, parser: CommandParser) -> None:
        add_person_arguments(parser)
        parser.add_argument("--output", type=Path, required=True, help="a new file; only its owner may read it")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["output"]
        person = chosen_person(options)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        document = export_person(person)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=2)
            file.write("\n")
        self.stdout.write(
            f"{len(document['orders'])} orders and {len(document['deliveries'])} deliveries are in {path}."
        )
