"""What a comparison needs of a list, whoever keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from integration.models import WebhookLog
from orders.models import Company
from providers.events import Status
from providers.listing import Window

GRACE = timedelta(minutes=3)
"""What was placed so shortly ago may still be on its way here: nobody has missed it yet."""


class SourceError(Exception):
    """A list, or an order of it, could not be had; the message is one sentence for people, without a secret."""


class GoneError(SourceError):
    """The order that is listed cannot be had at all: asking again brings nothing else."""


class TooFreshError(Exception):
    """The order was placed a moment ago and may come by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An order as a list has it. ``handle`` is what it is asked for by."""

    provider: str
    external_id: str
    handle: str
    status: Status | None = None
    total: Decimal | None = None
    placed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a detail of an order tells that its list did not."""

    total: Decimal | None
    placed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a list has, and from when on it is known to be whole."""

    orders: tuple[Listed, ...]
    since: datetime


class Source(Protocol):
    """A list that a company can be compared with."""

    name: str
    """The provider's slug, or ``nexara``."""
    company: Company
    reach: timedelta
    names_every_status: bool

    def read(self, window: Window) -> Reading:
        """Return what is listed. Raises SourceError."""

    def take(self, listed: Listed, now: datetime) -> WebhookLog:
        """Ask for an order, store it as the delivery that never came, and apply it. Raises SourceError, TooFreshError."""

    def tell(self, listed: Listed) -> Told | None:
        """Return what only an order's detail tells; None where it tells no more than the list. Raises SourceError."""
