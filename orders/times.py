"""Times as the API writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def iso_time(moment: datetime | None) -> str | None:
    """Return a time in UTC with ``Z``; a fraction of a second, where there is one, in milliseconds. None stays None."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text.replace("+00:00", "Z")


def floor_time(moment: datetime, step: timedelta) -> datetime:
    """Return when the stretch began that a time lies in; stretches are counted from 1970 on, in UTC."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(step.total_seconds()), UTC)
