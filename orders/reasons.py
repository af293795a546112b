"""Why an order is refused or cancelled: a code of its provider's list, or a person's own words where it takes them."""

from __future__ import annotations

import re

from orders.models import Order, OrderEvent
from providers.events import Status
from providers.outbound import RejectReason
from providers.registry import ADAPTERS

REFUSALS = (Status.REJECTED, Status.CANCELLED)


class UnknownReasonError(Exception):
    """The provider does not take this reason for the order as it is now; ``allowed`` are the codes that it takes."""

    def __init__(self, reasons: tuple[RejectReason, ...]) -> None:
        self.allowed = [reason.code for reason in reasons]
        super().__init__("The provider takes one of its own reasons.")


def reasons_of(provider: str, *, accepted: bool) -> tuple[RejectReason, ...]:
    """Return what a refusal may be told with, before or after an acceptance; empty where the provider is not told."""
    adapter = ADAPTERS.get(provider)
    reasons = adapter.calls.reject_reasons if adapter and adapter.calls else ()
    return tuple(reason for reason in reasons if (reason.after_acceptance if accepted else reason.before_acceptance))


def takes_words(provider: str) -> bool:
    """Tell whether a provider takes a person's own words."""
    adapter = ADAPTERS.get(provider)
    return adapter is None or adapter.calls is None or adapter.calls.takes_words


def was_accepted(order: Order) -> bool:
    return order.status != Status.RECEIVED


def read_reason(order: Order, wanted: Status, reason: str) -> str:
    """Return the reason of a step as it is kept: a code in the provider's writing, else the words. Raises UnknownReasonError.

    Nothing is asked of what the provider is not told: other steps, no reason at all. An order of the hub may be refused
    in any words: what the hub makes of them is its own.
    """
    if wanted not in REFUSALS or not reason:
        return reason
    usable = reasons_of(order.provider, accepted=was_accepted(order))
    if not usable:
        return reason
    word = reason.casefold()
    for known in usable:
        if known.code.casefold() == word:
            return known.code
    if order.via_hub:
        return reason
    others = {known.code.casefold() for known in reasons_of(order.provider, accepted=not was_accepted(order))}
    if word in others or not takes_words(order.provider):
        raise UnknownReasonError(usable)
    return reason


def reason_words(provider: str, reason: str) -> str:
    """Return a code of the provider's list in words; anything else as it is."""
    known = (*reasons_of(provider, accepted=False), *reasons_of(provider, accepted=True))
    return next((entry.label for entry in known if entry.code == reason), reason)


WORDS = "words"
"""A reason in somebody's own words, which is counted without them."""
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}", re.ASCII)


def reason_key(provider: str, reason: str, source: str) -> str:
    """Return the code by which a reason is counted: ``""`` for none, ``words`` for a text.

    A code names nobody, so it outlives a customer's data: one of the provider's list, or a word in capitals from anybody
    but a person.
    """
    if not reason:
        return ""
    known = {entry.code for accepted in (False, True) for entry in reasons_of(provider, accepted=accepted)}
    is_code = reason in known or (source != OrderEvent.Source.PERSON and _CODE.fullmatch(reason) is not None)
    return reason if is_code else WORDS
