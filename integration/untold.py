"""What a provider did not take: its order is marked until the provider knows, or until somebody says that it is settled.

A push is lost to the provider when it is dead, and when the time for an answer passed while it was tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.alerts import resolve_alerts
from integration.models import OutboundPush, PushStatus
from orders.models import Order, OrderEvent
from orders.pages import Text
from orders.services import MARK_FIELDS, set_reasons
from orders.settling import NOT_TOLD, mark, unmark
from orders.transitions import RANK
from providers.events import Status
from providers.outbound import ASIDE

TO_PROVIDER = Q(subscription__isnull=True)
"""What a provider is told; the others are what a hub forwards."""
DECISIONS = (Status.CONFIRMED.value, Status.REJECTED.value)
"""What the provider waits for, until its deadline."""
TOO_LATE = "deadline_passed", "The provider's deadline for an answer has passed."
CREDENTIAL_REFUSED = ("token_refused", "http_401", "http_403")


def is_untold(push: OutboundPush, status: str, error_code: str) -> bool:
    """Tell whether a push that ends so leaves its provider without a status that it should know."""
    if push.subscription_id is not None or push.action in ASIDE:
        return False
    return status == PushStatus.DEAD or (status == PushStatus.DROPPED and error_code == TOO_LATE[0])


def note_end(push: OutboundPush) -> None:
    """Mark a push's order, or take the mark off, as the push has ended; in the transaction that writes its end.

    The caller holds the order's lock where it marks, and where the order is marked. Safe to call twice.
    """
    if is_untold(push, push.status, push.error_code):
        mark(push.order, NOT_TOLD)
    elif push.status == PushStatus.SENT and push.action not in ASIDE and NOT_TOLD in push.order.attention_reasons:
        # The company's number before the alert, as everybody takes the two.
        unmark(push.order, NOT_TOLD)
        _drop_dead(push.order, Q(seq__lte=push.seq), "superseded", f"The later status {push.action} went out.")


def settled_by_hand(order: Order) -> None:
    """Take back what is dead of an order: somebody has seen to it that the provider knows."""
    _drop_dead(order, Q(), "settled", "Somebody has settled it with the provider.")


def ended(order: Order) -> None:
    """Take back what was refused because the order had ended at the provider, of which we hear only now.

    A refusal and the cancellation behind it cross on their way; nobody needs to look at it any more.
    """
    _drop_dead(order, ~Q(action=order.status), "order_ended", f"The order is {order.status}.")


def heard(order: Order, event: OrderEvent) -> None:
    """Take the mark off an order whose provider has told a status itself that is further than what it was not told.

    In the transaction that writes the event, whose number stands for this change too.
    """
    if NOT_TOLD not in order.attention_reasons:
        return
    lost = [push for push in untold_of(order) if RANK[Status(push.action)] > RANK[Status(event.status)]]
    if lost:
        return
    _drop_dead(order, Q(), "overtaken", f"The provider itself says {event.status}.")
    set_reasons(order, set(order.attention_reasons) - {NOT_TOLD})
    order.save(update_fields=MARK_FIELDS)


def _drop_dead(order: Order, which: Q, code: str, why: str) -> None:
    """Drop the dead pushes of an order; the alert goes with the last of its provider."""
    dead = OutboundPush.objects.filter(TO_PROVIDER, company_id=order.company_id, provider=order.provider,
                                       status=PushStatus.DEAD)  # fmt: skip
    dropped = dead.filter(which, order=order).update(status=PushStatus.DROPPED, error_code=code, error=why)
    if dropped and not dead.exists():
        resolve_alerts(order.company_id, "push_dead", order.provider)


# -- for people --------------------------------------------------------------------------------------------------------


def untold_of(order: Order, pushes: Iterable[OutboundPush] | None = None) -> list[OutboundPush]:
    """Return the pushes of an order that its provider did not take, oldest first: of those given, else one query."""
    if pushes is None:
        pushes = OutboundPush.objects.filter(TO_PROVIDER, order=order, status__in=(PushStatus.DEAD, PushStatus.DROPPED))
    return sorted((push for push in pushes if is_untold(push, push.status, push.error_code)), key=_when)


def _when(push: OutboundPush) -> datetime:
    return push.created_at


@dataclass(frozen=True, slots=True)
class Untold:
    """What a marked order's page says of it."""

    push: OutboundPush | None
    """The last that was not taken; None once none is left to show."""
    remedy: Text
    can_tell: bool
    """Telling it again may help: the provider's time for an answer is not over."""
    is_credential: bool


def untold(order: Order, pushes: Iterable[OutboundPush], now: datetime | None = None) -> Untold:
    """Return what was not taken of an order, of its pushes, and what helps."""
    lost = untold_of(order, pushes)
    push = lost[-1] if lost else None
    code = push.error_code if push else ""
    is_late = order.status in DECISIONS and order.accept_by is not None and (now or timezone.now()) >= order.accept_by
    code = TOO_LATE[0] if is_late else code
    return Untold(push, _REMEDIES.get(code, _MEND), not is_late, code in CREDENTIAL_REFUSED)


_MEND = _("Mend what its answer names, then tell it again; or do the same on the provider's own device.")
_CREDENTIAL = _(
    "It does not take the credential: an owner sets it anew, then tell it again. Until then use the provider's own device."
)
_REMEDIES: dict[str, Text] = {
    **dict.fromkeys(CREDENTIAL_REFUSED, _CREDENTIAL),
    "http_404": _("It does not know the order: look on the provider's own device whether it still stands there."),
    "http_409": _("The order has moved on there: look on the provider's own device, it may be accepted or cancelled."),
    TOO_LATE[0]: _("It is too late to tell it: look on the provider's own device whether the order still stands."),
}
