"""Orders as a busy evening brings them: ten lines with options, from a seed; the same number gives the same order.

Each is a provider's own sample (``providers/samples.py``) with the lines of further samples put below its own, its amounts
raised by what they cost, and somebody else as the customer. People are invented.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from providers.deliveroo.samples import PEOPLE as GUESTS
from providers.samples import Dialect, SampleOrder, UnsignedSample, build_sample
from providers.talabat.samples import PEOPLE

SEED = 1
LINES = 10
CUSTOMERS = 5_000
"""So many people of a provider order at a company, again and again."""
WAYS: tuple[tuple[str, Dialect], ...] = (
    ("careem", "native"), ("talabat", "native"), ("deliveroo", "native"), ("jahez", "native"),
    ("careem", "hub"), ("talabat", "hub"), ("deliveroo", "hub"), ("jahez", "hub"),
)  # fmt: skip
"""What comes in turns: every provider equally often, each in both of its dialects."""
FIRST_NAMES = tuple(person[0] for person in (*PEOPLE, *GUESTS))
LAST_NAMES = tuple(person[1] for person in (*PEOPLE, *GUESTS))
_MINOR = {"fractional", "delivery_fee_cents", "total_price_cents"}
"""Amounts in thousandths: the samples that have them are Kuwaiti."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Who orders; ``number`` has four digits, to be put behind a provider's own sort of number."""

    first: str
    last: str
    number: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        return f"guest{self.number}@example.com"


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a payload has its lines and amounts. ``raised`` are those that grow with the lines; one that is 0 stays 0."""

    lines: Path
    line_total: Path
    raised: tuple[Path, ...]
    write_person: Callable[[dict[str, Any], Person], None]


def build_order(provider: str, dialect: Dialect, number: int, store_id: str, now: datetime, *, seed: int = SEED,
                lines: int = LINES) -> UnsignedSample:  # fmt: skip
    """Return a new order with exactly so many lines. ``number`` makes it one of its own, its external id included."""
    chance = random.Random(f"{seed} {provider} {dialect} {number}")
    variant = chance.randrange(9_000)
    order = SampleOrder(external_id(provider, number, chance), store_id, now, number=variant)
    sample = build_sample(provider, dialect, "created", order)
    payload = json.loads(sample.body())
    shape = SHAPES[provider, dialect]
    rows: list[dict[str, Any]] = _at(payload, shape.lines)
    own = len(rows)
    while len(rows) < lines:
        variant += 1
        more = build_sample(provider, dialect, "created", SampleOrder(order.external_id, store_id, now, number=variant))
        rows += _at(json.loads(more.body()), shape.lines)
    del rows[lines:]
    cost = sum((_read(row, shape.line_total) for row in rows[own:]), Decimal(0))
    for path in shape.raised:
        _raise(payload, path, cost)
    index = chance.randrange(CUSTOMERS)
    first, last = FIRST_NAMES[index % len(FIRST_NAMES)], LAST_NAMES[index // len(FIRST_NAMES) % len(LAST_NAMES)]
    shape.write_person(payload, Person(first, last, f"{index:04d}"))
    return UnsignedSample(payload, sample.path, sample.method, sample.headers)


def external_id(provider: str, number: int, chance: random.Random) -> str:
    """Return an id of the provider's own shape that no other number has."""
    unique = f"{number:09d}"
    if provider in {"careem", "jahez"}:
        return f"1{unique}"
    made = uuid.UUID(int=chance.getrandbits(128), version=4)
    text = f"{str(made)[:-9]}{unique}"
    return f"kw:{text}" if provider == "deliveroo" else text


def _at(value: Any, path: Path) -> Any:
    for name in path:
        value = value[name]
    return value


def _read(values: dict[str, Any], path: Path) -> Decimal:
    amount = Decimal(str(_at(values, path)))
    return amount.scaleb(-3) if path[-1] in _MINOR else amount


def _raise(payload: dict[str, Any], path: Path, by: Decimal) -> None:
    """Add to an amount in the form that it has."""
    holder, name = _at(payload, path[:-1]), path[-1]
    before, amount = holder[name], _read(payload, path)
    if not amount:
        return
    raised = amount + by
    if name in _MINOR:
        holder[name] = int(raised.scaleb(3))
    elif isinstance(before, str):
        digits = -int(Decimal(before).as_tuple().exponent)
        holder[name] = f"{raised:.{digits}f}"
    else:
        holder[name] = float(raised)


# -- each provider's own way to name somebody --------------------------------------------------------------------------


def _careem_native(payload: dict[str, Any], person: Person) -> None:
    customer = payload["details"]["customer"]
    if customer["name"]:  # blank where Careem delivers
        customer.update(name=person.name, phone_number=int(f"96279000{person.number}"))


def _careem_hub(payload: dict[str, Any], person: Person) -> None:
    customer = payload["data"]["order"]["customer"]
    customer.update(name=person.name, phone=f"+96279000{person.number}", email=person.email)


def _talabat_native(payload: dict[str, Any], person: Person) -> None:
    customer = payload["customer"]
    customer.update(firstName=person.first, mobilePhone=f"+96270000{person.number}")
    customer["lastName"] = customer["lastName"] and person.last


def _talabat_hub(payload: dict[str, Any], person: Person) -> None:
    payload["order"]["customer_info"].update(name=person.name, phone=f"+96270000{person.number}")


def _deliveroo_native(payload: dict[str, Any], person: Person) -> None:
    # Their number is everybody's, with an access code: it stays.
    payload["body"]["order"]["customer"]["first_name"] = person.first


def _deliveroo_hub(payload: dict[str, Any], person: Person) -> None:
    customer = payload["data"]["order"]["customer"]
    customer.update(first_name=person.first, last_name=person.last, email=person.email)
    customer["phone_number"] = f"+9655000{person.number}"


def _jahez_native(payload: dict[str, Any], person: Person) -> None:
    payload.update(customer_name=person.name, phone_number=f"96650000{person.number}")


def _jahez_hub(payload: dict[str, Any], person: Person) -> None:
    payload.update(customer_name=person.name, customer_mobile=f"+96650000{person.number}", customer_email=person.email)
    # Included, so it grows with the total.
    payload["tax_amount"] = f"{Decimal(payload['total_amount']) * 15 / 115:.2f}"


def _path(text: str) -> Path:
    return tuple(text.split("."))


def _shape(
    lines: str, line_total: str, raised: tuple[str, ...], write: Callable[[dict[str, Any], Person], None]
) -> Shape:
    return Shape(_path(lines), _path(line_total), tuple(map(_path, raised)), write)


_DELIVEROO_RAISED = tuple(
    f"body.order.{name}.fractional"
    for name in ("subtotal", "total_price", "partner_order_subtotal", "partner_order_total", "cash_due")
)
SHAPES: dict[tuple[str, Dialect], Shape] = {
    ("careem", "native"): _shape(
        "details.items", "total_price",
        ("details.price.original_total_price", "details.price.total_taxable_price", "details.cash_in"), _careem_native,
    ),
    ("careem", "hub"): _shape(
        "data.order.items", "total_price", ("data.order.subtotal", "data.order.total_amount"), _careem_hub
    ),
    ("talabat", "native"): _shape(
        "products", "paidPrice",
        ("price.subTotal", "price.totalNet", "price.grandTotal", "price.payRestaurant", "price.collectFromCustomer"),
        _talabat_native,
    ),
    ("talabat", "hub"): _shape(
        "order.basket", "total", ("order.basket_amount", "order.order_amount"), _talabat_hub
    ),
    ("deliveroo", "native"): _shape(
        "body.order.items", "total_price.fractional", _DELIVEROO_RAISED, _deliveroo_native
    ),
    ("deliveroo", "hub"): _shape(
        "data.order.items", "total_price", ("data.order.subtotal", "data.order.total_price_cents"), _deliveroo_hub
    ),
    ("jahez", "native"): _shape("products", "final_price", ("price", "final_price"), _jahez_native),
    ("jahez", "hub"): _shape("items", "total_price", ("subtotal", "total_amount"), _jahez_hub),
}  # fmt: skip
