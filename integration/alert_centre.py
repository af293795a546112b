"""The alert centre: what each cause means and what helps, the alerts in groups, and what a person does with one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from integration.alerts import acknowledge_alert, resolve_alert
from integration.models import Alert
from orders.audit import record_act
from orders.models import Company, User
from orders.pages import Text, uuid_or_none

State = Alert.State
MOVES = {"acknowledge": (acknowledge_alert, "alert.acknowledged"), "resolve": (resolve_alert, "alert.resolved")}


def move_alert(company: Company, alert_id: uuid.UUID, move: str, user: User, request: HttpRequest) -> Alert | None:
    """Acknowledge or resolve one of the company's alerts; None where it has none of this id.

    One that is there already stays as it is, and leaves no trace. Safe to call twice.
    """
    alert = Alert.objects.filter(company=company, pk=alert_id).first()
    if alert is None:
        return None
    change, action = MOVES[move]
    was = alert.state
    with transaction.atomic():
        alert = change(alert, user)
        if alert.state != was:
            details = {"cause": alert.cause, "subject": alert.subject}
            record_act(action, company=company, target=alert.id, request=request, user=user, details=details)
    return alert


def open_alerts(company: Company) -> list[Alert]:
    """Return the alerts that nobody has acknowledged, the last raised first. Of a cause one is open: few rows."""
    return list(Alert.objects.filter(company=company, state=State.OPEN))


def critical_of(alerts: Iterable[Alert]) -> list[Alert]:
    """Return those of some alerts that are critical."""
    return [alert for alert in alerts if alert.severity == Alert.Severity.CRITICAL]


def state_counts(company: Company) -> dict[str, int]:
    """Return the number of alerts that are open and that are acknowledged; the resolved ones are not counted."""
    rows = Alert.objects.filter(company=company).exclude(state=State.RESOLVED).order_by().values_list("state")
    return {State.OPEN.value: 0, State.ACKNOWLEDGED.value: 0} | dict(rows.annotate(number=Count("pk")))


# -- words -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause in words: a title, what it means, what helps. ``status`` is where its events stand in the log."""

    title: Text
    meaning: Text = ""
    remedy: Text = ""
    status: str = ""


_UNUSABLE = _("The sender is genuine, and what it sent cannot be read as an order. It is kept byte for byte.")
_REPLAY = _("Look at the faults of the event, mend the cause, then replay it.")
_CAUSES = {
    "order_unanswered": Cause(
        _("Orders wait for an answer"),
        _("Half of the time that the provider gives has gone; then it cancels the order."),
        _("Accept or reject them now."),
    ),
    "event_invalid_payload": Cause(_("Payload cannot be used"), _UNUSABLE, _REPLAY, "quarantined"),
    "event_invalid_envelope": Cause(_("Envelope of the hub cannot be used"), _UNUSABLE, _REPLAY, "quarantined"),
    "event_delivery_conflict": Cause(
        _("Same delivery, other content"),
        _("A delivery came again under its old id with another body. The first one stands."),
        _("Compare the two with the provider's own screen, then replay the later one if it is right."),
        "quarantined",
    ),
    "event_dead": Cause(
        _("Event could not be processed"),
        _("Every retry failed. The event is kept, and its order may be missing from the screen."),
        _("Look at the event, mend the cause, then replay it; meanwhile answer the order on the provider's device."),
        "dead",
    ),
    "event_parked": Cause(
        _("Status without its order"),
        _("A status came for an order that has not come for over ten minutes."),
        _("Ask the provider for the order; its status is applied when it arrives."),
        "parked",
    ),
    "signatures_failing": Cause(
        _("Requests are refused"),
        _("Many requests in this provider's name have no valid proof: a wrong secret, or somebody who pretends."),
        _("Compare the secret here with the one at the provider, and set it anew if they differ."),
        "rejected",
    ),
    "provider_unreachable": Cause(
        _("Provider cannot be reached"),
        _("Calls to it failed again and again. They wait, and are tried again by themselves."),
        _("Answer its orders on its own device until it is back."),
    ),
    "hub_unreachable": Cause(
        _("NEXARA cannot be reached"),
        _("What the kitchen answers does not get through the hub. It is tried again by itself."),
        _("Answer the orders that came through it on the provider's own device."),
    ),
    "push_dead": Cause(
        _("Provider did not take a status"),
        _("The provider refused what the kitchen answered, or every try failed."),
        _(
            "Open the order: it says why, and tells it again once that is mended. Else look at the provider's own device."
        ),
    ),
    "push_failing": Cause(
        _("Answers get through late"),
        _("The provider does not take what the kitchen answers; it is tried again."),
        _("Watch the order on the provider's own device."),
    ),
    "push_no_credential": Cause(
        _("Provider is told nothing"),
        _("There is no credential to call this provider with."),
        _("An owner sets it; until then answer on the provider's own device."),
    ),
    "forward_dead": Cause(
        _("Event did not reach its platform"),
        _("Every try failed for a day. The event is kept here, and the platform's staff may not know of it."),
        _("Mend the way to the platform, then send it again: retry in the hub's log."),
    ),
    "forward_failing": Cause(
        _("Platform does not take events"),
        _("What providers send is kept here, and is tried again by itself."),
        _("Look whether the platform is up, and whether its address and key are right."),
    ),
    "error_rate": Cause(
        _("Many deliveries fail"),
        _("Of the latest deliveries of this provider too many could not be processed."),
        _("Look at what waits by cause, mend it, then replay the group; answer new orders on the provider's device."),
        "failed",
    ),
    "processing_slow": Cause(
        _("Processing is slow"),
        _("Deliveries take longer than they should until their orders are on the screen."),
        _("Tell the operators: look at the load of the database and of the machine."),
    ),
    "credential_expiring": Cause(
        _("Credential expires"),
        _("After that day the provider and this installation no longer believe each other."),
        _("An owner asks the provider for a new one and sets it; the old one holds for a day more."),
    ),
    "provider_silent": Cause(
        _("Provider is silent"),
        _("No delivery for two hours in which, on this weekday, there usually are some."),
        _("Look on the provider's own device whether the shop is open there, and test the connection."),
    ),
    "orders_never_came": Cause(
        _("Orders never came"),
        _("The provider lists orders of which no delivery reached us; they were asked for, and are in the list now."),
        _("Look at them first: the kitchen hears of them late. Then ask why: was this server away?"),
    ),
    "orders_not_imported": Cause(
        _("Orders never came and could not be imported"),
        _("The provider lists orders of which no delivery reached us, and does not hand them out either."),
        _("Look at the provider's own device now, and cook from there."),
    ),
    "cancellations_never_came": Cause(
        _("Cancellations never came"),
        _("The provider had called off orders that were still open here; they are cancelled now."),
        _("Stop cooking them."),
    ),
    "reconciliation_failing": Cause(
        _("Orders cannot be compared"),
        _("The list of orders could not be read for an hour: what does not come by itself would not be missed."),
        _("Test the connection at Integrations; meanwhile look at the provider's own device now and then."),
    ),
    "reconciliation_different": Cause(
        _("A day's figures differ"),
        _("Counts, sums or single orders of a business day are not what the providers list."),
        _("Look at the day at Integrations, Reconciliation; each order that differs is named there."),
    ),
    "backlog": Cause(
        _("Work piles up"),
        _("What is due is not worked in time: orders and answers come late."),
        _("Look whether workers, database and broker run and keep up; `manage.py diagnose` says what does not."),
    ),
    "process_missing": Cause(
        _("A process is missing"),
        _("A part of the installation has not been heard of. What it does waits, or is done slower by another."),
        _("Look at the process supervisor and at that process's log, and start it again."),
    ),
    "disk_low": Cause(
        _("The disk fills up"),
        _("Without space no order can be stored."),
        _("Free or add space: old logs and backups first; a shorter retention of bodies helps for good."),
    ),
    "retention_overdue": Cause(
        _("Old bodies are not deleted"),
        _("The job that deletes what is past its retention has not ended well for too long."),
        _("Look at the worker's log, then run `manage.py prune_logs`."),
    ),
    "certificate_expiring": Cause(
        _("The certificate expires"),
        _("After that day no provider delivers any order here: they refuse the address."),
        _("Renew the certificate, and look why it was not renewed by itself."),
    ),
    "budget_burning": Cause(
        _("The availability burns its budget"),
        _("Of 30 days 21.6 minutes may fail. At this pace they are used up before the 30 days are over."),
        _("Look at Availability which measure it is, and since when; then at the log and the database of that time."),
    ),
    "budget_spent": Cause(
        _("The budget of the availability is spent"),
        _("More than 21.6 minutes of the last 30 days, or their part of the requests, have failed."),
        _("No risks until it has recovered: no upgrade in opening hours. Mend what used most of it up."),
    ),
    "probe_silent": Cause(
        _("A probe does not report"),
        _("Nobody sees from that place any more whether the installation can be reached."),
        _("Look at the machine of the probe, and start it again; its token may have changed."),
    ),
    "channel_failing": Cause(
        _("Alerts do not get through"),
        _("A channel does not take what it is sent; people may not hear of what goes wrong."),
        _("An owner tests the channel at Alerts, Channels, and mends its address."),
    ),
    "answer_not_delivered": Cause(
        _("Answer came too late"),
        _("The provider could not be told in time, and may have cancelled the order."),
        _("Look at the order on the provider's own device before you go on with it."),
    ),
}


def cause_of(code: str) -> Cause:
    """Return a cause in words; one that has none yet is shown by its code."""
    return _CAUSES.get(code) or Cause(code.replace("_", " ").capitalize())


def cause_choices() -> list[tuple[str, Text]]:
    """Return every cause that there are words for, with its title."""
    return [(code, cause.title) for code, cause in _CAUSES.items()]


# -- groups ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert with the ids of what it is about: an order of ours, an event of the log."""

    alert: Alert
    order_ids: tuple[uuid.UUID, ...] = ()
    event_id: uuid.UUID | None = None

    @property
    def external_id(self) -> str:
        return str(self.alert.details.get("externalOrderId") or "")


@dataclass(slots=True)
class Group:
    """The alerts of one cause."""

    code: str
    cause: Cause
    alerts: list[Shown] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How often the cause was raised."""
        return sum(shown.alert.count for shown in self.alerts)

    @property
    def is_critical(self) -> bool:
        return bool(critical_of(shown.alert for shown in self.alerts))


def group_alerts(alerts: Iterable[Alert]) -> list[Group]:
    """Return alerts by cause; causes and alerts keep the order in which they come."""
    groups: dict[str, Group] = {}
    for alert in alerts:
        group = groups.setdefault(alert.cause, Group(alert.cause, cause_of(alert.cause)))
        group.alerts.append(_shown(alert))
    return list(groups.values())


def _shown(alert: Alert) -> Shown:
    return Shown(alert, order_ids_of(alert), uuid_or_none(str(alert.details.get("eventId") or "")))


def order_ids_of(alert: Alert) -> tuple[uuid.UUID, ...]:
    """Return the ids of the orders that an alert names."""
    named = [alert.details.get("orderId"), *(alert.details.get("orders") or {})]
    return tuple(found for text in named if text and (found := uuid_or_none(str(text))))
