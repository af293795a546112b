"""Amounts as providers send them, and their scale in a currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision

FALLBACK_DIGITS = 2
"""Decimals of a currency that ISO 4217 does not know; its orders are marked ``unknown_currency``."""


@dataclass(frozen=True, slots=True)
class Minor:
    """A whole number of a currency's smallest unit, whose currency the payload does not name."""

    units: int


Amount = Decimal | Minor
"""A ``Decimal`` in major units, as sent; or minor units that wait for their currency."""


@lru_cache(maxsize=256)
def is_known_currency(code: str) -> bool:
    """Tell whether ISO 4217 knows ``code`` (three upper-case letters). Source: CLDR, through Babel."""
    return code in get_global("all_currencies")


@lru_cache(maxsize=256)
def currency_digits(code: str) -> int:
    """Return the number of decimals of an ISO 4217 currency: 3 for JOD, 2 for SAR; 2 where ISO does not know it."""
    return get_currency_precision(code) if is_known_currency(code) else FALLBACK_DIGITS


def to_major(amount: Amount | None, digits: int) -> Decimal | None:
    """Return ``amount`` in major units with exactly ``digits`` decimals (half away from zero); None stays None."""
    if amount is None:
        return None
    value = Decimal(amount.units).scaleb(-digits) if isinstance(amount, Minor) else amount
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
