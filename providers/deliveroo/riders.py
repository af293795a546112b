"""Deliveroo's rider events, and the status logs that orders and riders share.

Source: api-docs.deliveroo.com, "Rider events". There may be several riders, and an event repeats what came before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from providers.events import Courier, Kind, OrderEvent, Status
from providers.payload import Reader
from providers.words import COURIER_WORDS

RIDER_STATUSES: Mapping[str, Status] = {"rider_in_transit": Status.OUT_FOR_DELIVERY}
"""Rider words that say something of the order as well. Source: the Order API's rider events."""

LogEntry = tuple[datetime | None, str]
"""The time and the word of one entry of a status log."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def read_riders(holder: Reader, word: str) -> OrderEvent:
    """Read a rider event: its courier is the rider with the newest entry of a status log.

    Of equal times an unassigned rider gives way to the next one. ``rider_in_transit`` moves the order too.
    """
    external_id = holder.first("order_id", "id", "orderId").required_identifier()
    newest: tuple[datetime, bool, int] | None = None
    courier: Courier | None = None
    moment: datetime | None = None
    status_at = holder.at("riders")
    for index, rider in enumerate(objects(holder.at("riders"))):
        log = log_entries(rider.at("status_log"))
        at, status_word = newest_entry(log) if log else (None, "")
        at = at or rider.at("at").time()
        rank = (at or _NEVER, status_word != "rider_unassigned", index)
        if newest is None or rank > newest:
            newest, moment, status_at = rank, at, rider.at("status_log")
            courier = Courier(
                name=rider.first("full_name", "name").text(),
                phone=rider.first("contact_number", "bridge_number").text(64),
                status=status_word,
            )
    courier = None if courier == Courier() else courier
    status_word = courier.status if courier else ""
    status = RIDER_STATUSES.get(status_word)
    if courier is None:
        status_at.warn("no rider in it")
    elif status_word and status is None and status_word not in COURIER_WORDS:
        status_at.warn(f"unknown status {status_word!r}, the order keeps the one it has")
    return OrderEvent(
        kind=Kind.UPDATED,
        word=word,
        external_id=external_id,
        status=status,
        provider_status=status_word,
        occurred_at=moment,
        courier=courier,
        warnings=holder.warnings,
    )


def objects(source: Reader) -> list[Reader]:
    """Return the objects of a list whose faults do not make an order unusable, or whose faults are noted elsewhere."""
    if not isinstance(source.value, list):
        return []
    return [element for element in source.items() if element.is_object()]


def log_entries(source: Reader) -> list[LogEntry]:
    """Return the times and words of a status log in the payload's order."""
    return [(entry.at("at").time(), entry.at("status").word()) for entry in objects(source)]


def newest_entry(log: list[LogEntry]) -> LogEntry:
    """Return the newest entry of a log that has one; of equal times, and without times, the last."""
    return max(enumerate(log), key=lambda numbered: (numbered[1][0] or _NEVER, numbered[0]))[1]
