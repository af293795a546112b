"""``manage.py smoke``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.companies import named_company
from integration.samples import SampleSender, SampleSetupError
from integration.smoke import Seen, smoke, smoke_company
from integration.socket_watch import SocketWatch, SocketWatchError
from integration.temporary_tokens import temporary_tokens
from providers.registry import ADAPTERS

TOKEN_NAME = "smoke"  # noqa: S105 — a name


class Command(BaseCommand):
    help = (
        "After a deployment: send a signed order of each provider to the public address, wait until a screen is told of it, "
        "and call it off again. One line per provider; exit code 1 unless each was accepted and shown. The orders are tests "
        "of a company of their own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="the address (default: APP_BASE_URL)")
        parser.add_argument("--providers", default="", help="some of them, with commas (default: all that are enabled)")
        parser.add_argument("--dialect", choices=["hub", "native"], default="hub", help="(default: hub)")
        parser.add_argument(
            "--company",
            default="",
            help="slug or id of a company to send to instead; mind that its staff see the orders",
        )
        parser.add_argument("--ca", default="", help="a file of authorities to trust, for a certificate of one's own")
        parser.add_argument("--within", type=float, default=30, help="seconds until each has to be shown (default: 30)")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [slug.strip() for slug in options["providers"].split(",") if slug.strip()]
        providers = wanted or [slug for slug in ADAPTERS if settings.PROVIDER_ENABLED[slug]]
        if unknown := set(providers) - set(ADAPTERS):
            raise CommandError(f"No provider is called {unknown.pop()}; there are: {', '.join(ADAPTERS)}.")
        url, ca = (options["url"] or settings.APP_BASE_URL).rstrip("/"), options["ca"]
        if ca and not Path(ca).is_file():
            raise CommandError(f"There is no file {ca}.")
        company = named_company(options["company"]) if options["company"] else smoke_company()
        seen: list[Seen] = []
        try:
            senders = [SampleSender(company, slug, options["dialect"], url, ca=ca) for slug in providers]
            with contextlib.ExitStack() as stack:
                (key,) = stack.enter_context(temporary_tokens(company, TOKEN_NAME, count=1, minutes=10))
                watch = stack.enter_context(contextlib.closing(SocketWatch(url, key, ca=ca)))
                for one in smoke(senders, watch, options["within"]):
                    seen.append(one)
                    self.stdout.write(one.line())
        except (SampleSetupError, SocketWatchError) as error:
            raise CommandError(str(error)) from None
        if bad := [one.provider for one in seen if not one.is_well]:
            raise CommandError(f"Not well: {', '.join(bad)}.")
