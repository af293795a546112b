"""Orders that only prove the way: sent by every provider through a public address, and looked for where the staff would."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from integration.models import ProviderCredential
from integration.onboarding import bootstrap_company
from integration.samples import Answer, NobodyAnswersError, SampleSender
from integration.socket_watch import SocketWatch
from orders.models import ApiToken, Company
from providers.registry import ADAPTERS

SLUG = "smoke"
EVENT = "cancelled"
"""Sends the order and then its end: nothing is left open."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one provider's order. ``shown_after_s`` is None where no screen was told of it."""

    provider: str
    says: str
    is_accepted: bool
    shown_after_s: float | None

    @property
    def is_well(self) -> bool:
        return self.is_accepted and self.shown_after_s is not None

    def line(self) -> str:
        shown = "NOT on the screen" if self.shown_after_s is None else f"on the screen after {self.shown_after_s:.1f} s"
        return f"{'ok' if self.is_well else 'FAIL':<5} {self.provider:<10} {self.says:<34} {shown}"


@transaction.atomic
def smoke_company() -> Company:
    """Return the company that such orders belong to; make it where there is none.

    Its orders are tests, nobody is told to look at them, and nobody can sign in to it.
    """
    found = Company.objects.filter(slug=SLUG).first()
    if found is not None:
        return found
    made = bootstrap_company(Company(name="Smoke test", slug=SLUG, country="JO", currency="JOD"), ADAPTERS)
    made.owner.set_unusable_password()
    made.owner.is_staff = False
    made.owner.save(update_fields=["password", "is_staff"])
    ApiToken.objects.filter(company=made.company).delete()
    ProviderCredential.objects.filter(company=made.company, provider__in=ADAPTERS).update(
        environment=ProviderCredential.Environment.SANDBOX
    )
    return made.company


def smoke(senders: Sequence[SampleSender], watch: SocketWatch, within_s: float) -> Iterator[Seen]:
    """Send an order of each provider, one after the other, and yield what became of it.

    Raises SocketWatchError where the socket breaks off.
    """
    for sender in senders:
        started = time.monotonic()
        try:
            answers = sender.send(EVENT)
        except NobodyAnswersError as error:
            yield Seen(sender.provider, f"nobody answers ({error})", is_accepted=False, shown_after_s=None)
            continue
        order_id = answers[0].order_id
        refused = next((answer for answer in answers if not answer.is_accepted), None)
        is_shown = bool(order_id) and refused is None and _is_shown(watch, order_id, started + within_s)
        yield _seen(
            sender,
            refused or answers[0],
            is_accepted=refused is None,
            after_s=time.monotonic() - started if is_shown else None,
        )


def _is_shown(watch: SocketWatch, order_id: str, until: float) -> bool:
    """Wait until a screen is told of a new order; tell whether it was."""
    while (frame := watch.frame(until)) is not None:
        if frame.get("type") == "order_created" and frame.get("orderId") == order_id:
            return True
    return False


def _seen(sender: SampleSender, answer: Answer, *, is_accepted: bool, after_s: float | None) -> Seen:
    says = f"{answer.status} {answer.said} in {answer.elapsed_ms:.0f} ms"
    return Seen(sender.provider, says, is_accepted=is_accepted, shown_after_s=after_s)
