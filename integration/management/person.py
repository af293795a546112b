"""Finding the person that a command is about."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from integration.companies import default_company, named_company
from orders.personal_data import Person, find_person


def add_person_arguments(parser: CommandParser) -> None:
    parser.add_argument("--company", default="", help="slug or id (default: the only company)")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--id", type=uuid.UUID, help="the customer's id")
    who.add_argument("--phone", default="", help="the customer's phone, in any writing")


def chosen_person(options: dict[str, Any]) -> Person:
    """Return the person; raise CommandError where the company knows nobody so."""
    company = named_company(options["company"]) if options["company"] else default_company()
    person = find_person(company, customer_id=options["id"], phone=options["phone"])
    if person is None:
        raise CommandError(f"{company.name} knows no such customer.")
    return person
