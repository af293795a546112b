"""Why a call, or a comparison with a list, did not work, in the language of a page. What is stored is English."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from integration.sentences import Sentences
from orders.templatetags.pages import provider_name, status_word
from orders.vocabulary import told

_FORMS = (
    # What is answered
    gettext_noop("The provider answered {status} to the request for a token."),
    gettext_noop("The provider answered {status}."),
    gettext_noop("The provider answered with a redirect ({status}), which is not followed."),
    gettext_noop("The provider refused it ({status})."),
    gettext_noop("The provider refused our credential ({status})."),
    gettext_noop("NEXARA answered {status}."),
    gettext_noop("NEXARA's answer is not JSON."),
    gettext_noop("NEXARA's figures cannot be read."),
    gettext_noop("No token came: {reason}"),
    # What is not
    gettext_noop("{provider} cannot be reached now; calls wait."),
    gettext_noop("{provider} cannot be reached; calls wait."),
    gettext_noop("This address is not called: {reason}."),
    gettext_noop("this address is not on the public internet; OUTBOUND_ALLOWED_ORIGINS can allow it"),
    gettext_noop("expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS"),
    gettext_noop("the host's address is not on the public internet"),
    gettext_noop("expected a full public host name"),
    gettext_noop("expected an address such as https://api.example.com"),
    gettext_noop("The call took too long."),
    gettext_noop("The answer took too long."),
    gettext_noop("The peer's certificate or its TLS is not right."),
    gettext_noop("The connection broke before the answer was there."),
    gettext_noop("The peer did not take the connection in time."),
    gettext_noop("The peer did not answer in time."),
    gettext_noop("The peer does not take connections."),
    gettext_noop("Another worker is asking for the token."),
    gettext_noop("The credential lacks {fields}."),
    # Why a provider is not told, or need not be told any more
    gettext_noop("NEXARA refused it ({status})."),
    gettext_noop("NEXARA refused our credential ({status})."),
    gettext_noop("NEXARA answered that it did not take it."),
    gettext_noop("Deliveroo has already decided this order (409): look at it there."),
    gettext_noop("Deliveroo takes no cancellation of an accepted order: call Deliveroo."),
    gettext_noop("Jahez has no call to cancel an accepted order: call Jahez."),
    gettext_noop("{name} is told of acceptance, readiness and cancellation only."),
    gettext_noop("{name} is told of acceptance and rejection only."),
    gettext_noop("{name} has no call for this status."),
    gettext_noop("Talabat is told of readiness only where its own rider delivers."),
    gettext_noop("Talabat's own rider tells that the order was picked up."),
    gettext_noop("The order brought no address for this: it is answered on Talabat's own device."),
    gettext_noop("{provider} cannot be reached now."),
    gettext_noop("This provider takes no calls."),
    gettext_noop("A trial of our own: the provider does not know this order."),
    gettext_noop("the credential lacks {fields}."),
    gettext_noop("the provider is switched off."),
    gettext_noop("The provider's deadline for an answer has passed. {reason}"),
    gettext_noop("The provider's deadline for an answer has passed."),
    gettext_noop("The later status {step} went out."),
    gettext_noop("The order is {step} already."),
    gettext_noop("The order is {step}."),
    gettext_noop("The provider itself says {step}."),
    gettext_noop("Somebody has settled it with the provider."),
    gettext_noop("Another time was named since."),
    # Lists of orders
    gettext_noop("The list of {provider} does not end."),
    gettext_noop("The list cannot be read: {paths}."),
    gettext_noop("The answer is longer than a megabyte."),
    gettext_noop("The answer is not the JSON that was asked for."),
    gettext_noop("The answer holds no list of orders."),
    gettext_noop("The answer holds no {field}."),
    gettext_noop("The hub's log does not end."),
    gettext_noop("The hub's log names no forward of it."),
    gettext_noop("The hub does not hand out what it forwarded."),
    gettext_noop("NEXARA's log cannot be read."),
    gettext_noop("It is switched off for the whole installation, or not registered."),
    gettext_noop("It was stopped half-way."),
    gettext_noop("Failed here: {error}."),
)


def call_words(text: str) -> str:
    """Return a stored reason in the language of the page; one that is none of ours stays."""
    said = _SENTENCES.said(text)
    return told(text) if said is None else said


def _step(status: str) -> str:
    return str(status_word(status))


_SENTENCES = Sentences(_FORMS, {"provider": provider_name, "reason": call_words, "step": _step})
