"""``manage.py validate_mapping``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.companies import default_company, named_company
from integration.trial import try_requests
from orders.access import Access
from orders.models import Role, User
from providers.base import InboundRequest
from providers.payload import PayloadError
from providers.registry import ADAPTERS


class Command(BaseCommand):
    help = (
        "Map a payload as if it had just come, print the order that it makes and each warning, and write nothing. Exit code 1, "
        "with the path of each fault, for a payload that cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a file with the body of a request; - for standard input")
        parser.add_argument("--provider", required=True, choices=list(ADAPTERS), help="whose payload it is")
        parser.add_argument("--company", default="", help="slug or id (default: the only one, else the demo company)")
        parser.add_argument(
            "--path", default="", help="what followed the registered address, such as order/42 of Talabat"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        company = named_company(options["company"]) if options["company"] else default_company()
        adapter = ADAPTERS[options["provider"]]
        body = _read(options["file"])
        methods = adapter.methods(options["path"].strip("/"))
        if not methods:
            raise CommandError(f"{adapter.name} has no path {options['path']!r}.")
        request = InboundRequest(
            body=body, headers={"content-type": "application/json"}, path=options["path"].strip("/"), method=methods[0]
        )
        # Nobody in particular asks: an owner's eyes see everything.
        access = Access(User(), company, Role.OWNER)
        try:
            trial = try_requests(access, adapter, [request])
        except PayloadError as error:
            faults = "\n".join(f"  {path}: {fault}" for path, fault in error.details.items())
            raise CommandError(f"This payload would be quarantined:\n{faults}") from None
        for event in trial.events:
            self.stderr.write(
                f"{event['eventType'] or event['providerEvent']}: {event['outcome']} {event['note'] or ''}".rstrip()
            )
        for warning in trial.warnings:
            self.stderr.write(f"warning: {warning}")
        for reason in (trial.order or {}).get("attentionReasons", []):
            self.stderr.write(f"needs attention: {reason}")
        self.stdout.write(json.dumps(trial.order, indent=2, ensure_ascii=False))


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
