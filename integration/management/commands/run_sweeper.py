"""``manage.py run_sweeper``."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from integration.garbage import look_seldom
from integration.stopping import stop_on_signal
from integration.sweep import INTERVAL_S, Sweeper

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        f"Every {INTERVAL_S:.0f} seconds, find the deliveries that are due or stuck and see that each is worked. Runs until a "
        "signal comes; several at once do no harm."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with stop_on_signal() as stop:
            look_seldom()
            logger.info("The sweeper runs")
            # Without Redis the broker is this process's own memory, and no worker ever looks into it.
            Sweeper(has_broker=bool(settings.REDIS_URL)).run(stop)
            logger.info("The sweeper has stopped")
