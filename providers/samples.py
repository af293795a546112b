"""What a provider would send: signed samples for ``send_sample``, the webhook test and the demo. People are invented.

Each adapter's folder has a ``samples.py`` with two tables, ``NATIVE`` and ``HUB``: event name to a function that takes a
:class:`SampleOrder` and returns an :class:`UnsignedSample`. Event names are ``created`` and our status words, and what else
the provider sends (``courier``, ``menu``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Literal

from providers.base import ProviderAdapter
from providers.signatures import DeliverooSignature, InboundRequest

Dialect = Literal["hub", "native"]


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product of the demo menu: what ids-only providers are matched with. ``price`` is in major units, plain."""

    code: str
    name: str
    name_ar: str
    price: str


DEMO_MENU = (
    DemoProduct("BURGER-CLASSIC", "Classic Burger", "برجر كلاسيك", "4.500"),
    DemoProduct("BURGER-CHICKEN", "Crispy Chicken Burger", "برجر دجاج مقرمش", "4.250"),
    DemoProduct("SHAWARMA-CHICKEN", "Chicken Shawarma Plate", "صحن شاورما دجاج", "5.000"),
    DemoProduct("MANSAF", "Lamb Mansaf", "منسف لحم", "9.750"),
    DemoProduct("FALAFEL", "Falafel Sandwich", "ساندويش فلافل", "1.250"),
    DemoProduct("HUMMUS", "Hummus with Pine Nuts", "حمص بالصنوبر", "2.750"),
    DemoProduct("FRIES", "French Fries", "بطاطا مقلية", "1.500"),
    DemoProduct("LEMONADE-MINT", "Mint Lemonade", "ليمون بالنعناع", "2.000"),
    DemoProduct("KNAFEH", "Nabulsi Knafeh", "كنافة نابلسية", "3.250"),
    DemoProduct("OPT-CHEESE", "Extra Cheese", "جبنة إضافية", "0.500"),
    DemoProduct("OPT-GARLIC", "Garlic Sauce", "صلصة ثوم", "0.250"),
    DemoProduct("OPT-LARGE", "Large", "حجم كبير", "1.000"),
    DemoProduct("OPT-NO-ONION", "No Onions", "بدون بصل", "0.000"),
)


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """What a sample is made for. ``order_ref`` is our id of the order, ``store_id`` a branch's id at the provider."""

    external_id: str
    store_id: str
    now: datetime
    order_ref: str = ""
    number: int = 1
    """Counts the samples of a run: builders vary names and lines by it, always the same way."""


@dataclass(frozen=True, slots=True)
class UnsignedSample:
    """A payload and where it goes: ``path`` is below the registered base URL."""

    payload: Mapping[str, Any] | None
    path: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        return b"" if self.payload is None else json.dumps(self.payload, ensure_ascii=False).encode()


Builder = Callable[[SampleOrder], UnsignedSample]


class UnknownSampleError(LookupError):
    """The provider has no such event in this dialect; the message names those that it has."""


def sample_events(provider: str, dialect: Dialect) -> dict[str, Builder]:
    """Return the builders of a provider's samples in one dialect by event name."""
    module = import_module(f"providers.{provider}.samples")
    builders: dict[str, Builder] = module.NATIVE if dialect == "native" else module.HUB
    return builders


def build_sample(provider: str, dialect: Dialect, event: str, order: SampleOrder) -> UnsignedSample:
    """Return a sample; raise UnknownSampleError where the provider does not send this event."""
    builders = sample_events(provider, dialect)
    name = event.removeprefix("order.").removeprefix("order_")
    if name not in builders:
        raise UnknownSampleError(f"{provider} has no {dialect} sample {event!r}; it has: {', '.join(builders)}")
    return builders[name](order)


def sign_sample(
    adapter: ProviderAdapter,
    dialect: Dialect,
    sample: UnsignedSample,
    secrets: Mapping[str, str],
    now: datetime,
    delivery_id: str,
) -> InboundRequest:
    """Sign a sample with the dialect's scheme whose secret is set; raise KeyError naming the secret that is missing."""
    schemes = {scheme.secret: scheme for scheme in adapter.schemes}
    wanted = adapter.hub_secret if dialect == "hub" else adapter.native_secret
    if not secrets.get(wanted):
        raise KeyError(wanted)
    scheme = schemes[wanted]
    body = sample.body()
    if dialect == "hub" and isinstance(scheme, DeliverooSignature):
        proof = scheme.sign_hub(body, secrets[wanted])
    else:
        proof = scheme.sign(body, secrets[wanted], now.astimezone(UTC), delivery_id)
    headers = {"content-type": "application/json", **sample.headers, **proof}
    return InboundRequest(body=body, headers=headers, path=sample.path, method=sample.method)
