"""The benchmarks by name, and what each figure of theirs has to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.speed.installation import Production


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its unit, what it has to be, and what the earlier system published where it did."""

    key: str
    says: str
    unit: str
    limit: float | None = None
    kind: Literal["at most", "at least"] = "at most"
    earlier: str = ""

    def holds(self, value: float) -> bool:
        """Tell whether a value is as it has to be; one without a limit only tells something."""
        if self.limit is None:
            return True
        return value <= self.limit if self.kind == "at most" else value >= self.limit

    @property
    def wanted(self) -> str:
        if self.limit is None:
            return "–"
        return f"{'≤' if self.kind == 'at most' else '≥'} {with_unit(self.limit, self.unit)}"


def with_unit(value: float, unit: str) -> str:
    """Return a figure as a person reads it: two decimals below ten, none above a hundred."""
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit in {'', '%'} else ' '}{unit}"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; ``seconds``, ``rate`` and ``count`` are the benchmark's own where it says nothing."""

    seconds: float
    rate: float
    count: int
    keep: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of a run: values by figure, notes for the reader, and what did not hold whatever the speed."""

    values: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    histograms: dict[str, str] = field(default_factory=dict)
    """Every time that was taken, in the format of the HdrHistogram libraries."""

    def note_installation(self, stack: Production) -> None:
        """Note the versions of the servers."""
        self.notes |= stack.versions()


Run = Callable[[Options], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark and its full size: what is smaller is a try, and goes into no table."""

    name: str
    says: str
    figures: tuple[Figure, ...]
    run: Run
    seconds: float
    rate: float
    count: int
    within_s: float
    """No run takes longer; one that does has failed."""
    is_long: bool = False
    """Played only when it is named."""

    def full(self) -> Options:
        return Options(self.seconds, self.rate, self.count)


BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(
    name: str,
    says: str,
    *figures: Figure,
    seconds: float = 0.0,
    rate: float = 0.0,
    count: int = 0,
    within_s: float = 600.0,
    is_long: bool = False,
) -> Callable[[Run], Run]:
    """Register a benchmark under its name."""

    def register(run: Run) -> Run:
        BENCHMARKS[name] = Benchmark(name, says, figures, run, seconds, rate, count, within_s, is_long)
        return run

    return register


LOST = Figure("lost", "acknowledged orders lost or incomplete", "", 0)
