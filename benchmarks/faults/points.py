"""Fault points: places in the program where a scenario makes it fail, die or dawdle. The program itself knows nothing of them.

What is to happen stands in ``DATA_DIR/fault_points.json`` and is read each time: ``die_between`` (how often to die by
SIGKILL between the commit of a delivery and that of its effect), ``fail_first`` (the share of first tries that fail for a
passing reason), ``dawdle_s`` (how long each later try takes).
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import OperationalError

FILE = "fault_points.json"
DIE_SHARE = 0.1


class Points(AppConfig):
    """Wraps two functions of the inbox when the program starts."""

    name = "benchmarks.faults.points"
    label = "fault_points"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        from integration import inbox

        self.folder = Path(os.environ["DATA_DIR"])
        process, apply = inbox.process, inbox._apply

        def process_or_die(log: Any, *arguments: Any, **named: Any) -> Any:
            if named.get("trigger", inbox.Trigger.LIVE) == inbox.Trigger.LIVE and random.random() < DIE_SHARE:
                self.die_if_asked()
            return process(log, *arguments, **named)

        def apply_or_fail(log: Any, *arguments: Any, **named: Any) -> Any:
            points = self.points()
            if log.attempts == 1 and random.random() < points.get("fail_first", 0):
                raise OperationalError("a passing fault of the harness")
            if log.attempts > 1:
                time.sleep(points.get("dawdle_s", 0))
            return apply(log, *arguments, **named)

        inbox.process, inbox._apply = process_or_die, apply_or_fail

    def points(self) -> dict[str, float]:
        try:
            return dict(json.loads((self.folder / FILE).read_text()))
        except (OSError, ValueError):
            return {}

    def die_if_asked(self) -> None:
        """Die if fewer processes have than are asked for; each takes one of the numbers."""
        points = self.points()
        for number in range(int(points.get("die_between", 0))):
            try:
                os.close(os.open(self.folder / f"died-{points['run']:.0f}-{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
