"""The hub's envelope: ``{eventType, provider, orderId, orderData, timestamp, companyId}``."""

from __future__ import annotations

from dataclasses import dataclass

from providers.base import InboundRequest, ProviderAdapter
from providers.payload import Reader
from providers.registry import ADAPTERS


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an envelope says of itself. ``faults`` maps each missing field to what was expected; empty: usable."""

    company_id: str
    adapter: ProviderAdapter | None
    faults: dict[str, str]


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
    return Envelope(reader.at("companyId").text(64), ADAPTERS.get(slug), faults)
