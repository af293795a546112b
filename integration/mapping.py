"""What an adapter reads in a stored delivery: beside the raw bytes, for a person who compares."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from integration.inbox import parse_row, stored_request
from integration.models import WebhookLog
from providers.payload import PayloadError


@dataclasses.dataclass(frozen=True, slots=True)
class Mapped:
    """The events of a delivery in our vocabulary, as indented JSON; ``faults`` maps paths where it cannot be used."""

    text: str = ""
    faults: dict[str, str] = dataclasses.field(default_factory=dict)
    failure: str = ""
    """The kind of a failure of ours."""


def read_mapping(log: WebhookLog) -> Mapped:
    """Parse a stored delivery again, as its processing does. Writes nothing and never raises for what it reads."""
    try:
        events = parse_row(log, stored_request(log))
    except PayloadError as error:
        return Mapped(faults=error.details)
    except Exception as error:
        return Mapped(failure=type(error).__name__)
    told = [told_json(dataclasses.asdict(event)) for event in events]
    return Mapped(text=as_text(told[0] if len(told) == 1 else told))


def as_text(value: Any) -> str:
    """Return a JSON value as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def told_json(value: Any) -> Any:
    """Return a value as JSON has it, without what the payload does not tell; amounts stay as they were written."""
    if isinstance(value, dict):
        return {name: told_json(entry) for name, entry in value.items() if entry not in (None, "", (), [], {})}
    if isinstance(value, (list, tuple)):
        return [told_json(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
