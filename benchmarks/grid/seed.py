"""A company with thousands of orders, made in seconds: straight into the tables, past every door."""

from __future__ import annotations

import os
import random
import sys
import uuid
from datetime import timedelta
from decimal import Decimal

DAYS = 14
OPEN = 80
"""The newest orders, of which the kitchen still has something to do."""
_NAMES = (
    "Lina Haddad",
    "Omar Khalil",
    "سارة منصور",
    "Yousef Nasser",
    "Rana Abbas",
    "محمود عيسى",
    "Dana Saleh",
    "Fadi Qasem",
)
_DISHES = (
    ("Classic Burger", "برجر كلاسيك"),
    ("Lamb Mansaf", "منسف لحم"),
    ("Falafel Plate", "صحن فلافل"),
    ("Hummus", "حمص"),
)


def seed(slug: str, count: int, username: str) -> uuid.UUID:
    """Make a company with ``count`` orders, the newest of this minute; the user becomes its owner. Return its id.

    The same orders for the same count, but for their times.
    """
    from django.utils import timezone

    from orders.models import Branch, Company, Membership, Order, OrderItem, Role, User
    from orders.transitions import RANK
    from providers.registry import ADAPTERS

    chance = random.Random(count)
    company = Company.objects.create(name=slug.replace("-", " ").title(), slug=slug, country="JO", currency="JOD")
    branch = Branch.objects.create(company=company, name="Main", is_default=True)
    Membership.objects.create(user=User.objects.get(username=username), company=company, role=Role.OWNER)
    statuses, providers = [status.value for status in RANK], list(ADAPTERS)
    now, pause = timezone.now(), timedelta(days=DAYS) / count
    orders, items = [], []
    for number in range(count):
        came = now - number * pause
        quantity = chance.randint(1, 5)
        order = Order(
            id=uuid.uuid4(),
            company=company,
            branch=branch,
            provider=chance.choice(providers),
            external_id=f"seed-{count - number:06d}",
            display_id=f"#{count - number}",
            status=chance.choice(statuses[:5] if number < OPEN else statuses[5:]),
            customer_name=chance.choice(_NAMES),
            total=Decimal(chance.randint(1_000, 40_000)) / 1_000,
            currency="JOD",
            item_count=quantity,
            payment_method=chance.choice(("cash", "online")),
            placed_at=came,
            received_at=came,
            created_at=came,
            updated_at=came,
        )
        name, name_ar = chance.choice(_DISHES)
        orders.append(order)
        items.append(OrderItem(order=order, position=0, name=name, name_ar=name_ar, quantity=quantity))
    Order.objects.bulk_create(orders, batch_size=500)
    OrderItem.objects.bulk_create(items, batch_size=500)
    return company.id


def main() -> None:
    """Seed as the arguments say, a slug, a count and a user name; print the company's id."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
    django.setup()
    slug, count, username = sys.argv[1:]
    print(seed(slug, int(count), username))


if __name__ == "__main__":
    main()
