"""What waits for a person in the log, by cause: dead and quarantined deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from integration.events import visible_events
from integration.models import WebhookStatus
from orders.access import Access

WAITING_FOR_PERSON = (WebhookStatus.DEAD.value, WebhookStatus.QUARANTINED.value)
MOST_CAUSES = 100
MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """Deliveries of one provider that failed alike."""

    status: str
    provider: str
    error_code: str
    error: str
    event_type: str
    count: int
    first_at: datetime
    last_at: datetime

    @property
    def search(self) -> str:
        """What finds these deliveries in the log."""
        return (self.error or self.error_code)[:200]


def causes(access: Access) -> list[Cause]:
    """Return what waits, the most frequent cause first; at most a hundred of them."""
    rows = visible_events(access).filter(status__in=WAITING_FOR_PERSON).order_by()
    groups = rows.values("status", "provider", "error_code", "error", "event_type").annotate(
        number=Count("pk"), first_at=Min("received_at"), last_at=Max("received_at")
    )
    return [
        Cause(
            status=row["status"],
            provider=row["provider"],
            error_code=row["error_code"],
            error=row["error"],
            event_type=row["event_type"],
            count=row["number"],
            first_at=row["first_at"],
            last_at=row["last_at"],
        )
        for row in groups.order_by("-number", "-last_at")[:MOST_CAUSES]
    ]


def waiting_count(access: Access) -> int:
    """Return how many deliveries wait for a person; what is over 100 is not counted."""
    rows = visible_events(access).filter(status__in=WAITING_FOR_PERSON).order_by()
    return len(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])
