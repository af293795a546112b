"""Makes companies, and prints what a sender and a listener need as JSON: a program of its own, as the harness has no Django."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django


def make_companies(slugs: list[str]) -> list[dict[str, Any]]:
    """Make a company for each slug; return what a sender and a listener need of each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
    django.setup()
    from integration.onboarding import bootstrap_company, make_credential
    from orders.models import Company
    from providers.registry import ADAPTERS

    made = []
    for slug in slugs:
        company = Company(name=slug, slug=slug, country="JO", currency="JOD", time_zone="Asia/Amman")
        new = bootstrap_company(company, ADAPTERS)
        credentials = {provider: dict(fields) for provider, fields in new.credentials.items()}
        for provider, adapter in ADAPTERS.items():
            credentials[provider] |= make_credential(company, provider, [adapter.native_secret])
        made.append(
            {
                "id": str(company.id),
                "slug": slug,
                "token": new.token_key,
                "password": new.password,
                "credentials": credentials,
            }
        )
    return made


if __name__ == "__main__":
    print(json.dumps(make_companies(sys.argv[1:])))
