"""``manage.py bootstrap_company``."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from integration.companies import webhook_address
from integration.hub import is_hub
from integration.onboarding import NewCompany, bootstrap_company, currency_of, time_zone_of
from orders.models import Company
from providers.registry import ADAPTERS


class Command(BaseCommand):
    help = (
        "Make a company with a default branch, an owner who signs in, an API token, and a credential for each provider with "
        "the secret of the hub's dialect. The secrets are printed once and shown nowhere again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the company's name")
        parser.add_argument("--slug", default="", help="its name in commands (default: made from the name)")
        parser.add_argument("--country", default="JO", help="two letters of ISO 3166 (default: JO)")
        parser.add_argument("--currency", default="", help="ISO 4217 (default: the country's)")
        parser.add_argument("--time-zone", default="", help="such as Asia/Amman (default: the country's)")
        parser.add_argument("--providers", default=",".join(ADAPTERS), help="separated by commas (default: all)")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object and nothing else on standard output"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        providers = list(
            dict.fromkeys(part.strip().lower() for part in options["providers"].split(",") if part.strip())
        )
        if unknown := [slug for slug in providers if slug not in ADAPTERS]:
            raise CommandError(f"No provider is called {', '.join(unknown)}; there are: {', '.join(ADAPTERS)}.")
        country = options["country"].strip().upper()
        company = Company(
            name=options["name"].strip(),
            # A name in Arabic leaves nothing that can stand in a slug.
            slug=options["slug"] or slugify(options["name"])[:80] or f"company-{secrets.token_hex(3)}",
            country=country,
            currency=options["currency"].strip().upper() or currency_of(country) or "JOD",
            time_zone=options["time_zone"] or time_zone_of(country),
        )
        if Company.objects.filter(slug=company.slug).exists():
            raise CommandError(
                f"There is a company {company.slug!r} already: choose another name for this one with --slug."
            )
        try:
            made = bootstrap_company(company, providers)
        except ValidationError as error:
            faults = "; ".join(
                f"--{name.replace('_', '-')}: {' '.join(said)}" for name, said in error.message_dict.items()
            )
            raise CommandError(f"Nothing was made. {faults}") from None
        self.stdout.write(json.dumps(as_json(made)) if options["json"] else as_text(made))


def as_json(made: NewCompany) -> dict[str, Any]:
    """Return what a program needs to work as this company."""
    return {
        "companyId": str(made.company.id),
        "slug": made.company.slug,
        "username": made.owner.username,
        "password": made.password,
        "apiToken": made.token_key,
        "branches": [{"id": str(made.branch.id), "name": made.branch.name}],
        "credentials": {provider: dict(fields) for provider, fields in made.credentials.items()},
    }


def as_text(made: NewCompany) -> str:
    """Return the same for a person, with the address to register at each provider."""
    lines = [
        f"Company    {made.company.name} ({made.company.slug}, {made.company.id})",
        f"Sign in    {made.owner.username} / {made.password}   at {settings.APP_BASE_URL}/sign-in/",
        f"API token  {made.token_key}",
        f"Branch     {made.branch.name} ({made.branch.id})",
        "",
        "Register these addresses and secrets; they are not shown again.",
    ]
    for provider, fields in made.credentials.items():
        url = (
            webhook_address(settings.APP_BASE_URL, provider, made.company.id, at_hub=is_hub())
            if provider in ADAPTERS
            else f"{settings.APP_BASE_URL}/api/integration/webhook"
        )
        lines += ["", f"  {provider}: {url}", *(f"    {name}  {value}" for name, value in fields.items())]
    return "\n".join(lines)
