"""What an adapter is: a table of words, a list of schemes and one reader; the order of steps is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from providers.events import Kind, OrderEvent, Status
from providers.listing import OrderListing
from providers.outbound import ProviderCalls, RejectReason
from providers.payload import PayloadError, Reader
from providers.signatures import NEXARA, InboundRequest, Scheme, Secrets, verify_request
from providers.words import IGNORED_EVENTS, EventWord

__all__ = ["InboundRequest", "ProviderAdapter"]


class ProviderAdapter:
    """Reads one provider. Plain Python: no models, no clock, no network; safe to share between threads.

    A subclass gives the class attributes and :meth:`read`.
    """

    slug: ClassVar[str]
    """The provider's name in URLs, tables and logs."""
    name: ClassVar[str]
    """The provider's name for people."""
    colour: ClassVar[str] = "#5b6472"
    """The badge's background, dark enough for white text at 4.5:1."""
    schemes: ClassVar[tuple[Scheme, ...]]
    """The provider's own schemes; the hub's signature is understood besides."""
    hub_secret: ClassVar[str]
    """The credential field that proves a request in the hub dialect."""
    native_secret: ClassVar[str]
    """The credential field that proves a request of the provider itself."""
    events: ClassVar[Mapping[str, EventWord]]
    """Event words in lower case."""
    ignored_events: ClassVar[frozenset[str]] = IGNORED_EVENTS
    statuses: ClassVar[Mapping[str, Status]]
    """Status words in lower case."""
    default_currency: ClassVar[str] = ""
    """The currency where neither the payload nor the branch names one; blank leaves it to the company."""
    stored_status: ClassVar[int] = 202
    """The HTTP status that the provider takes as accepted for an event that is stored and waits."""

    item_ids_end_in_store: ClassVar[bool] = False
    """Whether the ids of items may have ``-`` and the store's id behind them: one product, another id in each branch."""

    calls: ClassVar[ProviderCalls | None] = None
    """How the kitchen's answers go to the provider; None: it takes none."""
    listing: ClassVar[OrderListing | None] = None
    """How the provider is asked which orders there were; None: it has no list that we know."""

    @property
    def reject_reasons(self) -> tuple[RejectReason, ...]:
        """Return why an order may be refused, in the provider's codes; anything else goes as free text."""
        return self.calls.reject_reasons if self.calls else ()

    # -- the edge ----------------------------------------------------------------------------------------------------

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the HTTP methods of a path below the registered base URL; none where there is no such path."""
        return ("POST",) if path == "" else ()

    def verify(self, request: InboundRequest, secrets: Secrets, now: datetime) -> str:
        """Return the name of the secret that proved the request; raise SignatureError where none did."""
        return verify_request((*self.schemes, NEXARA), request, secrets, now)

    def delivery_id(self, request: InboundRequest) -> str:
        """Return the provider's id of this delivery, ``""`` where it has none."""
        return ""

    def ignored_path(self, request: InboundRequest) -> str:
        """Return a word for a request that its path alone shows to have no effect, else ``""``."""
        return ""

    def answer_status(self, request: InboundRequest) -> int:
        """Return the HTTP status of an answer to a request that was processed or ignored."""
        return 200

    def answer_fields(self, order_id: str) -> dict[str, Any]:
        """Return what the provider's contract wants in the answer besides our own fields."""
        return {}

    def accept_within_s(self, country: str) -> int | None:
        """Return after how many seconds from placing the provider cancels an unanswered order; None if unknown.

        ``country`` is the order's market, else the company's country (ISO 3166, two letters).
        """
        return None

    # -- reading -----------------------------------------------------------------------------------------------------

    def parse(self, request: InboundRequest) -> list[OrderEvent]:
        """Return what the request tells, in its order. Pure: parsing twice gives equal events.

        Raises PayloadError with every fault by path, and with the order's id where one could be read.
        """
        word = self.ignored_path(request)
        if word:
            return [OrderEvent(kind=Kind.IGNORED, word=word, reason="nothing to do with orders")]
        reader = Reader.from_document(*request.document)
        events = self.read(reader, request) if reader.is_object() else []
        if reader.faults:
            first = next(iter(events), OrderEvent(kind=Kind.IGNORED))
            kind = "" if first.kind is Kind.IGNORED else first.kind.value
            raise PayloadError(reader.faults, external_id=first.external_id, order_ref=first.order_ref, kind=kind)
        return events

    def read(self, body: Reader, request: InboundRequest) -> list[OrderEvent]:
        """Return the events of a body that is a JSON object. Faults and warnings go to the reader."""
        raise NotImplementedError

    def store_ids(self, request: InboundRequest) -> tuple[str, ...]:
        """Return the branch ids that the body names, for a request that does not say whose it is; never raises."""
        reader = Reader.from_document(*request.document)
        events: Sequence[OrderEvent] = self.read(reader, request) if reader.is_object() else []
        return next((event.snapshot.store_ids for event in events if event.snapshot), ())
