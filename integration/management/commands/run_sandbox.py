"""``manage.py run_sandbox``."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integration.garbage import look_seldom
from integration.sandbox.loop import SandboxLoop
from integration.sandbox.views.base import is_open
from integration.stopping import stop_on_signal

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Move the sandbox's orders on and send what its providers owe, until a signal comes. `make up` runs it where "
        "SANDBOX_ENABLED is set; several at once do no harm."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_open():
            raise CommandError("The sandbox is off: set SANDBOX_ENABLED=true, on a platform.")
        with stop_on_signal() as stop:
            look_seldom()
            logger.info("The sandbox runs")
            SandboxLoop().run(stop)
            logger.info("The sandbox has stopped")
