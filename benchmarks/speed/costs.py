"""What a number of events cost: readings of every counter before and after, and the difference for one of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, cast

import redis

from benchmarks.speed.installation import Production
from benchmarks.speed.machine import CpuMeter

PARTS = ("web", "postgres", "redis", "sockets", "worker", "sweeper")
SIZES = (
    "SELECT sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public'"
)
_LOGGED = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, wal_fpi FROM pg_stat_wal"


@dataclass(frozen=True, slots=True)
class Reading:
    """What has been used since the servers' start; processor times since the meter was made."""

    at: float
    used_s: dict[str, float] = field(default_factory=dict)
    table_bytes: int = 0
    index_bytes: int = 0
    wal_bytes: int = 0
    full_pages: int = 0
    commands: int = 0
    redis_bytes: int = 0

    @classmethod
    def of(cls, stack: Production, meter: CpuMeter) -> Reading:
        tables, indexes = stack.query(SIZES)[0]
        wal, pages = stack.query(_LOGGED)[0]
        with redis.Redis(port=stack.redis.port) as client:
            told = cast("dict[str, Any]", client.info("stats"))
        return cls(
            time.monotonic(), meter.used_s(), int(tables), int(indexes), int(wal), int(pages),
            int(told["total_commands_processed"]),
            int(told["total_net_input_bytes"]) + int(told["total_net_output_bytes"]),
        )  # fmt: skip


def each(before: Reading, after: Reading, idle: tuple[Reading, Reading], count: int) -> dict[str, float]:
    """Return what one of ``count`` cost between two readings, without what the processes use when nothing happens.

    Processor times in ms; sizes in kB of 1,000 bytes.
    """
    took_s, idle_s = after.at - before.at, idle[1].at - idle[0].at

    def grown(first: Reading, last: Reading) -> dict[str, float]:
        found = {f"{name}_ms": (last.used_s.get(name, 0.0) - first.used_s.get(name, 0.0)) * 1000 for name in PARTS}
        return found | {
            "table_kb": (last.table_bytes - first.table_bytes) / 1000,
            "index_kb": (last.index_bytes - first.index_bytes) / 1000,
            "wal_kb": (last.wal_bytes - first.wal_bytes) / 1000,
            "full_pages": float(last.full_pages - first.full_pages),
            "redis_commands": float(last.commands - first.commands),
            "redis_kb": (last.redis_bytes - first.redis_bytes) / 1000,
        }

    at_rest = grown(*idle)
    return {
        name: max(0.0, value - at_rest[name] * took_s / idle_s) / count for name, value in grown(before, after).items()
    }
