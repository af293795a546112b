"""Times as an HDR histogram: every one counts, the slowest are kept exactly enough, and two runs can be added."""

from __future__ import annotations

from collections.abc import Iterable

from hdrh.histogram import HdrHistogram

MOST_US = 60_000_000
"""A minute; what took longer counts as a minute."""
DIGITS = 3


class Latencies:
    """Times from a tenth of a millisecond on, to three digits; recorded in seconds, told in milliseconds."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._hdr = HdrHistogram(1, MOST_US, DIGITS)
        for each in seconds:
            self.add(each)

    def add(self, seconds: float) -> None:
        """Record a time; a negative one, of clocks that differ, counts as nothing."""
        self._hdr.record_value(min(MOST_US, max(1, round(seconds * 1e6))))

    @property
    def count(self) -> int:
        return int(self._hdr.total_count)

    def ms(self, percentile: float) -> float:
        """Return what so many percent were not slower than; 0 of nothing."""
        return float(self._hdr.get_value_at_percentile(percentile)) / 1000 if self.count else 0.0

    @property
    def mean_ms(self) -> float:
        return float(self._hdr.get_mean_value()) / 1000 if self.count else 0.0

    @property
    def max_ms(self) -> float:
        return float(self._hdr.get_max_value()) / 1000 if self.count else 0.0

    def figures(self) -> dict[str, float]:
        """Return what a report needs, in milliseconds."""
        named = {f"p{percentile:g}": self.ms(percentile) for percentile in (50, 90, 95, 99, 99.9)}
        return {"mean": self.mean_ms, **named, "max": self.max_ms}

    def encoded(self) -> str:
        """Return the whole histogram in the format of the HdrHistogram libraries (base64)."""
        return bytes(self._hdr.encode()).decode("ascii")
