"""What waits for a person in the log, by cause: dead and quarantined deliveries that failed alike."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, F, Max, Min, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from integration.events import visible_events
from integration.fingerprints import fault_paths
from integration.models import WebhookLog, WebhookStatus
from orders.access import Access
from orders.pages import Text

WAITING_FOR_PERSON = (WebhookStatus.DEAD.value, WebhookStatus.QUARANTINED.value)
MOST_CAUSES = 100
MOST_COUNTED = 100
EXAMPLES = 3
_KEY = ("status", "provider", "error_code", "event_type", "fingerprint", "loose_error")


@dataclass(frozen=True, slots=True)
class Example:
    """A delivery of a group, one of its newest."""

    event_id: uuid.UUID
    external_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Deliveries of one provider that failed alike. ``fingerprint`` is blank for what was stored without one."""

    status: str
    provider: str
    error_code: str
    error: str
    event_type: str
    fingerprint: str
    count: int
    first_at: datetime
    last_at: datetime
    details: Mapping[str, str] = field(default_factory=dict)
    """Of its newest delivery: path to fault, or ``place`` and ``message``."""
    examples: tuple[Example, ...] = ()

    @property
    def search(self) -> str:
        """What finds these deliveries in the log, where they have no fingerprint."""
        return "" if self.fingerprint else (self.error or self.error_code)[:200]

    @property
    def is_fault(self) -> bool:
        """Whether the payload is at fault, and not the processing of it."""
        return self.status == WebhookStatus.QUARANTINED

    @property
    def place(self) -> str:
        return "" if self.is_fault else str(self.details.get("place", ""))

    @property
    def message(self) -> str:
        return "" if self.is_fault else str(self.details.get("message", ""))

    @property
    def paths(self) -> list[str]:
        """Where the payloads are at fault, without indexes."""
        return fault_paths(self.details) if self.is_fault else []

    @property
    def remedy(self) -> Text:
        """What to do about it."""
        return remedy_of(self.error_code, self.error)


_UNAVAILABLE = _(
    "The database was away, busy or too slow. Look whether it is well now, then replay the group: it goes through."
)
_REMEDIES: dict[str, Text] = {
    "invalid_payload": _(
        "The provider sends something new or broken at these places. Look at an example, ask the provider or mend its"
        " adapter, then replay the group."
    ),
    "invalid_envelope": _("The hub left out what its envelope has to name. Ask NEXARA, then replay the group."),
    "delivery_conflict": _(
        "The provider used an id twice for different contents. The first stands: compare both with the provider's screen,"
        " and replay the later one if it is right."
    ),
    "OperationalError": _UNAVAILABLE,
    "InterfaceError": _UNAVAILABLE,
    "IntegrityError": _(
        "Two rows contradict each other, such as a store id that stands twice. Look at an example and at the branch's and"
        " menu's ids, mend them, then replay the group."
    ),
    "DataError": _(
        "A value does not fit its column. It is a fault of this program: send its developers the place, then replay."
    ),
}
_OURS = _(
    "A fault of this program: send its developers the place and an example, and answer the orders on the provider's device."
    " Replay the group when it is mended."
)


def remedy_of(error_code: str, error: str) -> Text:
    """Return what helps against failures of one kind."""
    return _REMEDIES.get(error_code) or _REMEDIES.get(error) or _OURS


def causes(access: Access) -> list[Cause]:
    """Return what waits, the most frequent cause first; at most a hundred of them."""
    rows = _keyed(visible_events(access).filter(status__in=WAITING_FOR_PERSON))
    groups = rows.values(*_KEY).annotate(
        number=Count("pk"), first_at=Min("received_at"), last_at=Max("received_at"), any_error=Max("error")
    )
    found = list(groups.order_by("-number", "-last_at", *_KEY)[:MOST_CAUSES])
    newest = _newest(rows) if found else {}
    return [_cause(row, newest.get(_key_of(row), [])) for row in found]


def _keyed(logs: QuerySet[WebhookLog]) -> QuerySet[Any]:
    """Return rows with what groups them: the fingerprint, else the text of the error."""
    loose = Case(When(fingerprint="", then=F("error")), default=Value(""), output_field=CharField())
    return logs.order_by().annotate(loose_error=loose)


def _key_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _newest(rows: QuerySet[Any]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Return the newest rows of each group, in one query."""
    turn = Window(
        RowNumber(), partition_by=[F(name) for name in _KEY], order_by=(F("received_at").desc(), F("id").desc())
    )
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    picked = rows.annotate(turn=turn).filter(turn__lte=EXAMPLES).order_by("turn")
    for row in picked.values(*_KEY, "id", "external_id", "received_at", "error", "details")[
        : EXAMPLES * 10 * MOST_CAUSES
    ]:
        found[_key_of(row)].append(row)
    return found


def _cause(row: Mapping[str, Any], newest: list[dict[str, Any]]) -> Cause:
    last = newest[0] if newest else {"error": row["any_error"], "details": {}}
    return Cause(
        status=row["status"],
        provider=row["provider"],
        error_code=row["error_code"],
        error=last["error"],
        event_type=row["event_type"],
        fingerprint=row["fingerprint"],
        count=row["number"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        details=last["details"],
        examples=tuple(Example(each["id"], each["external_id"], each["received_at"]) for each in newest),
    )


def waiting_count(access: Access) -> int:
    """Return how many deliveries wait for a person; what is over 100 is not counted."""
    rows = visible_events(access).filter(status__in=WAITING_FOR_PERSON).order_by()
    return len(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])
