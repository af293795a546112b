"""``manage.py probe``."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.api.probes import NAME
from integration.probing import Probe
from integration.stopping import stop_on_signal


class Command(BaseCommand):
    help = (
        "Ask an installation every so often whether it could take an order, and report what was seen to it. Runs on another "
        "machine than the installation, until a signal comes; needs no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="the installation, such as https://orders.example.com")
        parser.add_argument("--name", default="", help="what this probe is called (default: the name of this machine)")
        parser.add_argument("--every", type=float, default=15, help="seconds between two looks, 1 to 60 (default: 15)")
        parser.add_argument("--timeout", type=float, default=5, help="seconds for an answer, 1 to 30 (default: 5)")
        parser.add_argument("--report-to", default="", help="another address of it for the reports (default: the same)")
        parser.add_argument(
            "--once", action="store_true", help="look once, report nothing; exit code 1 where it is away"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        url, report_to = options["url"].rstrip("/"), options["report_to"].rstrip("/")
        for address in filter(None, (url, report_to)):
            if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
                raise CommandError(f"{address} is no address such as https://orders.example.com.")
        if not 1 <= options["every"] <= 60 or not 1 <= options["timeout"] <= 30:
            raise CommandError("--every is from 1 to 60 seconds, --timeout from 1 to 30.")
        name = options["name"] or re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower())[:32].strip("-")
        if not NAME.fullmatch(name):
            raise CommandError("--name is up to 32 small letters, digits and hyphens.")
        probe = Probe(
            url, name, settings.PROBE_TOKEN, report_to, options["timeout"], options["every"], self.stdout.write
        )
        if options["once"]:
            reason = probe.look()
            if reason:
                raise CommandError(f"{url} is away: {reason}.")
            self.stdout.write(f"{url} can take orders.")
            return
        if not probe.token:
            self.stderr.write("PROBE_TOKEN is not set: what is seen is said here, and reported to nobody.")
        with stop_on_signal() as stop:
            probe.run(stop)
