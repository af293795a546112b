"""Ids that rise with time, for rows of which there are many."""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562): 48 bits of milliseconds, 12 of what is left of the millisecond, 62 at random.

    Rows that are made together then stand together in the index of their ids. Under random ones the thirty rows of an order
    are written to thirty pages of it, each of which goes to Postgres' log whole after every checkpoint. Who may see a row is
    never decided by its id; when it was made can be read in it.
    """
    # From Python 3.14 on it is uuid.uuid7().
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    chance = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | (nanoseconds << 12) // 1_000_000 << 64 | 2 << 62 | chance)
