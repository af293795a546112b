"""A socket that is left alone for minutes, beside the scenarios that touch no socket."""

from __future__ import annotations

import asyncio
import time

from benchmarks.faults.listener import Listener
from benchmarks.faults.stack import CompanyAccess, Stack


class IdleWatch:
    """A socket of a company to which nothing happens, open for minutes beside the other scenarios."""

    minutes = 6.0
    now: IdleWatch | None = None

    def __init__(self, stack: Stack, company: CompanyAccess) -> None:
        self.starts = stack.starts
        self.opened_at = time.monotonic()
        self.listener = Listener(stack, company)

    @classmethod
    async def begin(cls, stack: Stack) -> IdleWatch:
        """Return the watch that goes on since the processes were started; a new one where there is none."""
        if cls.now is None or cls.now.starts != stack.starts:
            await cls.end()
            (company,) = await asyncio.to_thread(stack.make_companies, f"faults-idle-{stack.starts}")
            cls.now = cls(stack, company)
        return cls.now

    @classmethod
    async def end(cls) -> None:
        if cls.now is not None:
            await cls.now.listener.close()
            cls.now = None

    def is_over(self) -> bool:
        return time.monotonic() - self.opened_at >= self.minutes * 60

    @property
    def limit_s(self) -> float:
        return max(0.0, self.opened_at + self.minutes * 60 - time.monotonic())
