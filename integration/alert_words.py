"""The sentences of alerts in the language of a page. They are stored in English: an alert is for all, and for machines."""

from __future__ import annotations

import re

from django.utils.translation import gettext, gettext_noop

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
    gettext_noop("An order of {provider} waits for an answer; the first is cancelled at {time}."),
    gettext_noop("{number} orders of {provider} wait for an answer; the first is cancelled at {time}."),
    gettext_noop("{percent} of the last {number} deliveries of {provider} failed."),
    gettext_noop("Deliveries of {provider} take long: {share} of them up to {time} ms."),
    gettext_noop("The credential for {provider} has been expired since {day}."),
    gettext_noop("The credential for {provider} expires on {day}."),
    gettext_noop("No delivery of {provider} in two hours in which there usually are {number}."),
    gettext_noop("The channel {channel} does not take alerts: {error}"),
    gettext_noop(
        "An event of {provider} is not forwarded: the hub does not have its order. The platform may have it open."
    ),
    gettext_noop("An event of {provider} did not reach its subscriber: {error}"),
    gettext_noop("The subscriber of {provider} does not take events; they are tried again."),
)
_NAME = re.compile(r"\\\{(\w+)\\\}")
_PATTERNS = [(re.compile(_NAME.sub(r"(?P<\1>.+)", re.escape(text)), re.DOTALL), text) for text in _SENTENCES]


def alert_words(message: str) -> str:
    """Return an alert's sentence in the language of the page; one that is none of these stays as it is."""
    for pattern, sentence in _PATTERNS:
        found = pattern.fullmatch(message)
        if found:
            return gettext(sentence).format(**found.groupdict())
    return message
