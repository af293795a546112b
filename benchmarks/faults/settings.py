"""The program's settings, with the fault points: only scenarios that need them run with these."""

from __future__ import annotations

from restaurant_integration.settings import *  # noqa: F403
from restaurant_integration.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "benchmarks.faults.points.Points"]
