"""How often Python looks for garbage."""

from __future__ import annotations

import atexit
import gc

AFTER_OBJECTS = 20_000
"""So many objects more than were freed: one order of ten lines makes some thousands for a moment, in no cycles."""
WHILE_LOADING = 300_000
"""All modules, models and addresses are 220,000, some of them garbage."""


def load_without_looking() -> None:
    """Look for garbage only after more objects than the program loads, and not when the process ends. First of all, once.

    What is loaded stays. Looking through it again and again on the way, and three times at the end, took two fifths of the
    time of a command that does little.
    """
    gc.set_threshold(WHILE_LOADING)
    # The last of what is done at the exit: what others have registered runs before.
    atexit.register(gc.freeze)


def look_seldom() -> None:
    """Leave out of every look what the program consists of, and look thirty times less often. Once, when all is loaded.

    Takes 12 % off the processor time of an order: it had the half million objects of Django looked through again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(AFTER_OBJECTS)
