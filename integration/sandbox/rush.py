"""A believable dinner rush: who orders what, when, and what the kitchen does. Pure, and the same for the same seed.

Everybody here is invented.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.sandbox.story import TIMED_OUT_EVENT

MOST_ORDERS = 5_000
WEIGHTS = {"talabat": 40, "careem": 30, "deliveroo": 15, "jahez": 15}
KINDS = {"created": 72, "pickup": 10, "own_delivery": 10, "scheduled": 5, "dine_in": 3}
FIRST_NAMES = (
    "ليلى", "عمر", "سلمى", "يزن", "رنا", "طارق", "هبة", "سامر", "دانة", "كريم", "نور", "زيد", "مريم", "فارس", "جود", "آدم",
)  # fmt: skip
LAST_NAMES = (
    "الدرويش", "البستاني", "الياسمين", "الريحاني", "السنديان", "الزيتوني", "المرجان", "البيدر", "النخيل", "الكروان",
)  # fmt: skip
NOTES = (
    "بدون بصل لو سمحت", "الصلصة على جنب", "حار زيادة", "بدون ثوم، عندي حساسية", "يرجى الاتصال عند الوصول", "لا ترنوا الجرس",
    "خبز زيادة", "No cutlery, please", "Extra napkins, please", "Leave it at the door",
)  # fmt: skip
REJECT_REASONS = {
    "careem": "KITCHEN_TOO_BUSY_TO_PREPARE_ORDER",
    "talabat": "TOO_BUSY",
    "deliveroo": "busy",
    "jahez": "BUSY",
}


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What the staff does with an order. Seconds are the sandbox's, each from the step before."""

    is_ignored: bool
    is_late: bool
    """Whether it needs longer than it said."""
    reject_reason: str
    """Blank: it is accepted."""
    accept_after_s: float
    prepare_after_s: float
    ready_after_s: float
    leave_after_s: float
    arrive_after_s: float


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of a rush: placed ``at_s`` real seconds after its beginning, with the body of the placing call."""

    number: int
    at_s: float
    provider: str
    kitchen: Kitchen
    body: dict[str, Any] = field(default_factory=dict)


def plan_rush(*, seed: int, rate: float, minutes: float, providers: Sequence[str], speed: float) -> list[PlannedOrder]:
    """Return the orders of a rush, in the order of their time: about ``rate`` a second, between 1 and MOST_ORDERS."""
    chance = random.Random(seed)  # noqa: S311 — a rush to be repeated, not a secret
    count = min(MOST_ORDERS, max(1, round(rate * minutes * 60)))
    moments = sorted(round(chance.uniform(0, minutes * 60), 3) for _ in range(count))
    return [_plan(chance, number, at_s, providers, speed) for number, at_s in enumerate(moments, start=1)]


def _plan(chance: random.Random, number: int, at_s: float, providers: Sequence[str], speed: float) -> PlannedOrder:
    provider = chance.choices(providers, [WEIGHTS.get(slug, 10) for slug in providers])[0]
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    # Every number is drawn, needed or not: what one order is like changes nothing of the next.
    note, cancels_after_s = chance.choice(NOTES), round(chance.uniform(20, 400), 1)
    has_note, is_cancelled = chance.random() < 0.35, chance.random() < 0.06
    body = {
        "kind": chance.choices(list(KINDS), list(KINDS.values()))[0],
        "number": chance.randint(1, 9_999),
        "customerName": name,
        "note": note if has_note else "",
        "speed": speed,
        "customerCancelsAfterS": cancels_after_s if is_cancelled else None,
        "hasUnmappedItem": chance.random() < 0.05,
        "isSentTwice": chance.random() < 0.05,
        "isOvertaken": chance.random() < 0.04,
        "lateCourier": chance.random() < 0.08,
    }
    is_ignored, is_rejected = chance.random() < 0.04, chance.random() < 0.05
    # Where the provider calls an unanswered order failed, not cancelled, nobody forgets one; --no-staff forgets all.
    is_ignored &= TIMED_OUT_EVENT[provider] != "failed"
    is_late = chance.random() < 0.1
    kitchen = Kitchen(
        is_ignored=is_ignored,
        is_late=is_late,
        reject_reason=REJECT_REASONS.get(provider, "") if is_rejected else "",
        accept_after_s=round(chance.uniform(15, 90), 1),
        prepare_after_s=round(chance.uniform(10, 60), 1),
        ready_after_s=round(chance.uniform(180, 360), 1),
        leave_after_s=round(chance.uniform(60, 120), 1),
        arrive_after_s=round(chance.uniform(180, 300), 1),
    )
    return PlannedOrder(number, at_s, provider, kitchen, body)
