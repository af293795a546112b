"""The sentences of alerts in the language of a page. They are stored in English: an alert is for all, and for machines.

An instant never stands in a stored sentence: it is in the alert's details, and is written in the reader's time zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from integration.call_words import call_words
from integration.models import Alert
from integration.sentences import Sentences
from orders.templatetags.pages import provider_name
from orders.vocabulary import code_words, told
from providers.payload import parse_time

_SENTENCES = (
    gettext_noop("An authentic {provider} event cannot be used and waits in quarantine."),
    gettext_noop("A {provider} event could not be processed and waits for a person."),
    gettext_noop("{number} {provider} events wait for an order that has not come."),
    gettext_noop("Many requests of {provider} are refused: {reason}."),
    gettext_noop("{provider} cannot be reached; calls wait and are tried again."),
    gettext_noop("{provider} could not be told in time; look at the order on its own device."),
    gettext_noop("{provider} did not take a status: {error}"),
    gettext_noop("{provider} did not take a time: {error}"),
    gettext_noop("{provider} does not take what the kitchen answers; it is tried again."),
    gettext_noop("{provider} is told nothing: {error}"),
    gettext_noop("NEXARA cannot be reached: answer the orders that came through it on the tablet."),
    gettext_noop("An order of {provider} waits for an answer."),
    gettext_noop("{number} orders of {provider} wait for an answer."),
    gettext_noop("{percent} of the last {number} deliveries of {provider} failed."),
    gettext_noop("Deliveries of {provider} take long: {share} of them up to {time} ms."),
    gettext_noop("The credential for {provider} has expired."),
    gettext_noop("The credential for {provider} expires soon."),
    gettext_noop("No delivery of {provider} in two hours in which there usually are {number}."),
    gettext_noop("The channel {channel} does not take alerts: {error}"),
    gettext_noop(
        "An event of {provider} is not forwarded: the hub does not have its order. The platform may have it open."
    ),
    gettext_noop("An event of {provider} did not reach its subscriber: {error}"),
    gettext_noop("The subscriber of {provider} does not take events; they are tried again."),
    # Of the whole installation
    gettext_noop("At least {number} overdue rows of the {queue}; the oldest waits for {duration}."),
    gettext_noop("{number} overdue rows of the {queue}; the oldest waits for {duration}."),
    gettext_noop("The {process} has not been heard of for {duration}."),
    gettext_noop("Only {percent} of the data directory's disk is free."),
    gettext_noop("Old bodies have not been deleted for {duration}."),
    gettext_noop("The certificate of {host} is not valid: {error}."),
    gettext_noop("The certificate of {host} expires soon."),
    gettext_noop("An order of {provider} never came by itself and was imported."),
    gettext_noop("{number} orders of {provider} never came by themselves and were imported."),
    gettext_noop("A cancellation of {provider} never came by itself and was imported."),
    gettext_noop("{number} cancellations of {provider} never came by themselves and were imported."),
    gettext_noop("An order of {provider} never came and could not be imported: {error}"),
    gettext_noop("{number} orders of {provider} never came and could not be imported: {error}"),
    gettext_noop("The orders of {provider} could not be compared for an hour: {error}"),
    gettext_noop("The orders of {day} differ from what the providers list, in one case."),
    gettext_noop("The orders of {day} differ from what the providers list, in {number} cases."),
    gettext_noop("Probes from outside fail so often that the budget of 30 days is gone within days."),
    gettext_noop("Probes from outside fail so often that the budget of 30 days does not last."),
    gettext_noop("Webhook requests are answered 5xx so often that the budget of 30 days is gone within days."),
    gettext_noop("Webhook requests are answered 5xx so often that the budget of 30 days does not last."),
    gettext_noop(
        "The 21.6 minutes of the last 30 days are used up by the minutes that probes from outside saw it away."
    ),
    gettext_noop("The 21.6 minutes of the last 30 days are used up by webhook requests that were answered 5xx."),
    gettext_noop("The probe {probe} does not report any more."),
)
_PARTS = (gettext_noop("inbox"), gettext_noop("outbox"), gettext_noop("worker"), gettext_noop("sweeper"))

_END = gettext_noop("It ends: {time}.")
_INSTANTS = {
    "order_unanswered": ("firstDeadline", gettext_noop("The first is cancelled at {time}.")),
    "credential_expiring": ("expiresAt", _END),
    "certificate_expiring": ("expiresAt", _END),
}
"""Of a cause: where its details hold the instant that people have to know, and how it is said."""


def alert_words(alert: Alert) -> str:
    """Return what an alert says, in the language of the page and its time zone. A sentence that is none of ours stays."""
    said = _SAID.said(alert.message)
    said = alert.message if said is None else said
    key, instant = _INSTANTS.get(alert.cause, ("", ""))
    moment = parse_time(str(alert.details.get(key) or ""))
    return f"{said} {gettext(instant).format(time=moment_words(moment))}" if moment else said


def moment_words(moment: datetime) -> str:
    """Return an instant in the current time zone: its time alone where it is today's."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if local.date() == timezone.localdate() else f"{local:%Y-%m-%d %H:%M}"


def duration_words(text: str) -> str:
    """Return a stored duration such as ``3 hours`` in the language of the page."""
    number, _, unit = text.partition(" ")
    if not number.isdigit() or unit not in _UNITS:
        return gettext(text)
    return _UNITS[unit](int(number)).format(number=number)


_UNITS: dict[str, Callable[[int], str]] = {
    "days": lambda number: ngettext("{number} day", "{number} days", number),
    "hours": lambda number: ngettext("{number} hour", "{number} hours", number),
    "minutes": lambda number: ngettext("{number} minute", "{number} minutes", number),
    "s": lambda number: ngettext("{number} second", "{number} seconds", number),
}
_LONG = gettext_noop("over a minute")


_SAID = Sentences(
    _SENTENCES,
    {
        "provider": provider_name,
        "reason": code_words,
        "error": call_words,
        "duration": duration_words,
        "queue": told,
        "process": told,
    },
)
