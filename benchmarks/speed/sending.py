"""Running the sender, and what its answer says."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError
from benchmarks.speed.histogram import Latencies
from benchmarks.speed.plan import Expected, Planned, write_plan
from benchmarks.speed.sender import ANSWER_WITHIN_S

CONNECTIONS = 16
"""As many as the floor has, and as the web works at once: each stays with the process that took it, and one process has places
and a queue for all of them. They are used in turns."""
WITHIN_S = 90.0
"""What a sender may need besides the time of its plan."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a plan. Times are seconds of the machine's monotonic clock; ``planned`` are those that were sent."""

    planned: list[Planned]
    start: float
    end: float
    cpu_s: float
    meant: list[float]
    sent: list[float]
    done: list[float]
    status: list[int]
    tries: list[int]
    waiting: int = 0
    """How many of the acknowledged were only stored when the last answer came, and not worked yet."""

    @property
    def took_s(self) -> float:
        return self.end - self.start

    @property
    def acknowledged(self) -> list[Expected]:
        """What was answered 2xx, and so has to be there."""
        return [each.expected for each, status in zip(self.planned, self.status, strict=True) if 200 <= status < 300]

    @property
    def per_second(self) -> float:
        """How many were acknowledged and worked in a second, to the last answer."""
        return (len(self.acknowledged) - self.waiting) / self.took_s if self.took_s else 0.0

    def latencies(self) -> Latencies:
        """Return the times from when each was meant to go; what never was answered counts as the longest wait."""
        return Latencies(
            done - meant if done else ANSWER_WITHIN_S for meant, done in zip(self.meant, self.done, strict=True)
        )

    def lateness(self) -> Latencies:
        """Return how late each left the sender: at its own fault, or because no connection was free."""
        return Latencies(sent - meant for meant, sent in zip(self.meant, self.sent, strict=True) if sent)

    def others(self) -> dict[str, int]:
        """Return how often what but 2xx was answered; ``none`` where nothing came."""
        found = Counter("none" if not status else str(status) for status in self.status if not 200 <= status < 300)
        return dict(sorted(found.items()))

    def notes(self) -> dict[str, str]:
        """Return what tells whether the sender was what was measured."""
        late = self.lateness()
        notes = {
            "requests": f"{len(self.planned):,}",
            "bytes each": f"{sum(len(each.wire) for each in self.planned) // max(1, len(self.planned)):,}",
            "sender's cpu": f"{self.cpu_s / self.took_s:.1%} of a core" if self.took_s else "none",
            "left late by": f"p50 {late.ms(50):.1f} ms, p99 {late.ms(99):.1f} ms",
        }
        if others := self.others():
            notes["not 2xx"] = ", ".join(f"{status}: {count}" for status, count in others.items())
        if again := sum(tries > 1 for tries in self.tries):
            notes["sent again on another connection"] = str(again)
        return notes


async def send_plan(
    port: int, plan: Sequence[Planned], mode: str, *, seconds: float = 0.0, connections: int = CONNECTIONS
) -> Sent:
    """Send a plan in a process of its own and wait for it. Raises MissingError where that fails."""
    with tempfile.TemporaryDirectory(prefix="speed-plan-") as folder:
        path, result = Path(folder) / "plan", Path(folder) / "result"
        await asyncio.to_thread(write_plan, path, plan)
        job = {"port": port, "plan": str(path), "result": str(result), "mode": mode, "seconds": seconds,
               "connections": connections}  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.speed.sender", cwd=ROOT, stdin=asyncio.subprocess.PIPE
        )
        longest_s = max([seconds, *(each.at_s for each in plan)]) + WITHIN_S
        try:
            async with asyncio.timeout(longest_s):
                await process.communicate(json.dumps(job).encode())
        except TimeoutError:
            raise MissingError(f"the sender was not done after {longest_s:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise MissingError("the sender failed")
        answer = json.loads(await asyncio.to_thread(result.read_text))
    return Sent(list(plan[: len(answer["status"])]), **answer)
