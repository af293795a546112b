"""``manage.py replay``."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integration.companies import named_company
from integration.inbox import NotReplayableError, replay, replayable
from integration.models import WebhookLog, WebhookStatus
from orders.audit import record_act
from orders.models import Company
from providers.registry import ADAPTERS

STATUSES = [status for status in WebhookStatus.values if status != WebhookStatus.REJECTED]
_AGE = re.compile(r"([1-9]\d{0,5})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = (
        "Process stored deliveries again, the oldest first. What succeeded is left alone unless --force; what was not "
        "authentic is never replayed. Exit code 1 when one of them did not succeed this time either."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--status", default="dead", choices=STATUSES, help="(default: dead)")
        parser.add_argument("--provider", choices=list(ADAPTERS), help="only this one's")
        parser.add_argument("--company", default="", help="slug or id: only this one's (default: all)")
        parser.add_argument(
            "--since", default="", help="received since then: 2026-01-31T10:00Z, or an age such as 90m, 6h, 2d"
        )
        parser.add_argument(
            "--force", action="store_true", help="also what succeeded: applying it again changes only what lacks"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        logs = WebhookLog.objects.filter(status=options["status"])
        if options["provider"]:
            logs = logs.filter(provider=options["provider"])
        if options["company"]:
            logs = logs.filter(company=named_company(options["company"]))
        if options["since"]:
            logs = logs.filter(received_at__gte=read_since(options["since"], timezone.now()))
        able = replayable(logs, force=options["force"])
        total, found = logs.count(), able.count()
        skipped = f" ({total - found} more cannot be: they succeeded, or their bytes are gone)" if total > found else ""
        if options["dry_run"]:
            self.stdout.write(f"{found} deliveries would be replayed{skipped}.")
            return
        outcomes: Counter[str] = Counter()
        companies: dict[Company | None, int] = {}
        for pk in list(able.order_by("received_at", "id").values_list("pk", flat=True)):
            log = WebhookLog.objects.select_related("company").get(pk=pk)
            try:
                done = replay(log, user=None, force=options["force"])
            except NotReplayableError as reason:
                outcomes["skipped"] += 1
                self.stderr.write(f"{pk}: {reason}")
                continue
            outcomes[done.status] += 1
            companies[log.company] = companies.get(log.company, 0) + 1
            self.stdout.write(f"{log.provider:<10} {done.external_id:<20} {done.status} {done.error}".rstrip())
        asked = {name: options[name] for name in ("status", "provider", "since", "force") if options[name]}
        for company, count in companies.items():
            record_act(
                "events.replayed", company=company, target="manage.py replay", details=asked | {"replayed": count}
            )
        said = ", ".join(f"{count} {status}" for status, count in sorted(outcomes.items())) or "nothing to replay"
        self.stdout.write(f"{said}{skipped}.")
        unsettled = sum(
            outcomes[status] for status in (WebhookStatus.FAILED, WebhookStatus.DEAD, WebhookStatus.QUARANTINED)
        )
        if unsettled:
            raise CommandError(f"{unsettled} did not succeed; `GET /api/integration/logs` and the admin say why.")


def read_since(text: str, now: datetime) -> datetime:
    """Return the time of an ISO date or of an age before ``now``; raise CommandError for anything else. No zone means UTC."""
    if age := _AGE.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CommandError(
            f"--since {text!r} is neither a time such as 2026-01-31T10:00Z nor an age such as 6h."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
