"""The hub's envelope: ``{eventType, provider, orderId, orderData, timestamp, companyId}``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from providers.base import InboundRequest, ProviderAdapter
from providers.payload import Reader
from providers.registry import ADAPTERS

CARRIED_HEADERS = ("x-deliveroo-payload-type",)
"""What a provider says in a header about its body; proofs are not carried on."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an envelope says of itself. ``faults`` maps each missing field to what was expected; empty: usable."""

    company_id: str
    adapter: ProviderAdapter | None
    faults: dict[str, str]
    is_test: bool = False
    """The hub says that the order is a test."""


def read_envelope(request: InboundRequest) -> Envelope:
    """Read an envelope's own fields, before anything is proved; never raises."""
    reader = Reader.from_document(*request.document)
    faults = dict(reader.faults)
    slug = reader.at("provider").word()
    if not faults:
        for name in ("eventType", "orderId", "companyId"):
            if not reader.at(name).text():
                faults[name] = "expected a text, got nothing"
        if not slug:
            faults["provider"] = "expected a provider, got nothing"
        elif slug not in ADAPTERS:
            faults["provider"] = f"expected one of {', '.join(ADAPTERS)}"
        if not reader.at("orderData").is_object():
            faults["orderData"] = (
                "expected an object, got nothing" if not reader.at("orderData") else "expected an object"
            )
    is_test = bool(reader.at("delivery.isTest").flag())
    return Envelope(reader.at("companyId").text(64), ADAPTERS.get(slug), faults, is_test)


@dataclass(frozen=True)
class CarriedRequest(InboundRequest):
    """What a provider sent, as an envelope brought it."""

    content: Any = None

    @cached_property
    def document(self) -> tuple[Any, dict[str, str]]:
        """The provider's document; the envelope that held it was without a fault."""
        return self.content, {}


def provider_request(envelope: InboundRequest) -> InboundRequest:
    """Return what the provider sent where a whole envelope says how it came (``delivery``), else the envelope itself.

    A hub of ours says so; a payload in an envelope without it is read by its shape.
    """
    reader = Reader.from_document(*envelope.document)
    way = reader.at("delivery")
    if not way.is_object():
        return envelope
    told = {name: way.at("headers").at(name).text(255) for name in CARRIED_HEADERS}
    return CarriedRequest(
        body=b"",
        headers={name: value for name, value in told.items() if value},
        path=way.at("path").text(1200),
        method=way.at("method").text(8) or "POST",
        content=reader.at("orderData").value,
    )
