"""The tables beside the figures: why orders were lost, what failed, what sells most, and what the menu does not know."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.analytics.query import Query
from integration.delivery_rollup import deliveries_by
from integration.models import WebhookStatus
from orders.models import MenuProduct
from orders.names import name_key
from orders.rollup.counting import PRODUCT, REASON, UNMAPPED
from orders.rollup.reading import things_by
from orders.serializers import money
from orders.unmapped import bare_id, stores_of
from providers.money import currency_digits

MOST_ROWS = 50
FAILED = (WebhookStatus.FAILED, WebhookStatus.DEAD, WebhookStatus.QUARANTINED, WebhookStatus.REJECTED)


def reasons(query: Query) -> list[dict[str, Any]]:
    """Return how orders were lost, the most frequent first: by provider, how, who ended it, and the code of the reason."""
    found = things_by(query.scope, query.days, [REASON], "provider", "key")
    whole = sum(tally.count for tally in found.values())
    rows = []
    for (provider, key), tally in found.items():
        status, source, code = key.split("|", 2)
        share = round(tally.count / whole, 4)
        rows.append(
            {"provider": provider, "status": status, "source": source, "reason": code, "count": tally.count, "share": share}
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row["count"], row["provider"], row["status"], row["source"], row["reason"]))


def errors(query: Query) -> list[dict[str, Any]]:
    """Return why deliveries failed or were refused, the most frequent first, beside as many days before."""
    now, before = _failures(query), _failures(query.before())
    rows = [
        {
            "provider": provider,
            "status": status,
            "error": error,
            "count": now.get((provider, status, error), 0),
            "before": before.get((provider, status, error), 0),
        }
        for provider, status, error in {**now, **before}
    ]
    return sorted(rows, key=lambda row: (-row["count"], -row["before"], row["provider"], row["status"], row["error"]))


def _failures(query: Query) -> dict[tuple[str, str, str], int]:
    found = deliveries_by(query.scope, query.days, "provider", "status", "error")
    statuses = FAILED if query.sees_refusals else FAILED[:-1]
    return {key: passed.deliveries for key, passed in found.items() if key[1] in statuses}


def products(query: Query) -> list[dict[str, Any]]:
    """Return what sold most, by quantity: fifty products at most, with what their lines came to in each currency."""
    found = things_by(query.scope, query.days, [PRODUCT], "key", "currency")
    counts: dict[str, int] = {}
    amounts: dict[str, dict[str, Decimal]] = {}
    for (key, currency), tally in found.items():
        counts[key] = counts.get(key, 0) + tally.count
        amounts.setdefault(key, {})[currency] = tally.amount
    most = sorted(counts, key=lambda key: (-counts[key], key))[:MOST_ROWS]
    names = {str(product.id): product for product in MenuProduct.objects.filter(company=query.company, pk__in=most)}
    return [
        {
            "productId": key,
            "name": names[key].name if key in names else None,
            "nameAr": (names[key].name_ar or None) if key in names else None,
            "quantity": counts[key],
            "amounts": [
                {"currency": currency, "amount": money(amount, currency_digits(currency))}
                for currency, amount in sorted(amounts[key].items())
            ],
        }
        for key in most
    ]


def unmapped(query: Query) -> list[dict[str, Any]]:
    """Return what came most that the menu does not know, by quantity: fifty items at most, options left out."""
    found = things_by(query.scope, query.days, [UNMAPPED], "provider", "key")
    stores = stores_of(query.company, {provider for provider, _key in found})
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for (provider, key), tally in found.items():
        # Some providers hang the store on the id: the same item of two branches is one.
        external_id = "" if key.startswith("=") else bare_id(key, stores.get(provider, ()))
        row = rows.setdefault(
            (provider, external_id or name_key(tally.name)),
            {"provider": provider, "externalId": external_id or None, "name": tally.name or None, "quantity": 0},
        )
        row["quantity"] += tally.count
    return sorted(rows.values(), key=lambda row: (-row["quantity"], row["provider"], row["externalId"] or ""))[
        :MOST_ROWS
    ]
