"""``manage.py erase_customer``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.management.person import add_person_arguments, chosen_person
from integration.personal_data import OpenOrdersError, count_person, erase_person


class Command(BaseCommand):
    help = (
        "Erase a customer: name, phone, e-mail, address, notes and courier, in every order of theirs, and the bytes of the "
        "deliveries that brought them. Amounts, lines and times stay. It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_person_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")

    def handle(self, *args: Any, **options: Any) -> None:
        person = chosen_person(options)
        try:
            done = count_person(person) if options["dry_run"] else erase_person(person)
        except OpenOrdersError:
            raise CommandError("An order of theirs is still open; run this again when it is finished.") from None
        verb = "would be erased" if options["dry_run"] else "were erased"
        self.stdout.write(f"{done.customers} customers, {done.orders} orders and {done.deliveries} deliveries {verb}.")
