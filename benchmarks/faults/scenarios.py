"""The scenarios by name: what each breaks, and with which settings the processes run meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.faults.checks import HEALTHY_P99_MS
from benchmarks.faults.run import Run

Play = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault and how it is brought about."""

    name: str
    says: str
    play: Play
    env: dict[str, str] = field(default_factory=dict)
    companies: int = 3
    p99_ms: float = HEALTHY_P99_MS


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str, says: str, *, env: dict[str, str] | None = None, companies: int = 3, p99_ms: float = HEALTHY_P99_MS
) -> Callable[[Play], Play]:
    """Register a scenario under its name."""

    def register(play: Play) -> Play:
        SCENARIOS[name] = Scenario(name, says, play, env or {}, companies, p99_ms)
        return play

    return register
