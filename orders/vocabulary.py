"""The codes that pages show, as words: marked here for translation, because a code is no literal where it is shown."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop


def code_words(code: str) -> str:
    """Return a code in the page's language: ``out_for_delivery`` as ``out for delivery``. A word we do not know stays."""
    return told(code.replace("_", " ").replace(".", " "))


def told(text: str) -> str:
    """Return a sentence of ours that was stored in English in the page's language, part by part; another's as it is."""
    return "; ".join(gettext(part) if part else "" for part in text.split("; "))


_WORDS = (
    # Outcomes and states
    gettext_noop("processed"), gettext_noop("ignored"), gettext_noop("duplicate"), gettext_noop("parked"),
    gettext_noop("processing"), gettext_noop("failed"), gettext_noop("dead"), gettext_noop("quarantined"),
    gettext_noop("rejected"), gettext_noop("ok"), gettext_noop("skipped"), gettext_noop("sent"), gettext_noop("dropped"),
    # Events, and why one changed nothing
    gettext_noop("order created"), gettext_noop("order updated"), gettext_noop("order cancelled"),
    gettext_noop("order delivered"), gettext_noop("unchanged"), gettext_noop("late"),
    # Why a delivery waits for a person, or was refused
    gettext_noop("invalid payload"), gettext_noop("invalid envelope"), gettext_noop("delivery conflict"),
    gettext_noop("invalid signature"), gettext_noop("processing failed"),
    # Events of the samples
    gettext_noop("created"), gettext_noop("updated"), gettext_noop("cancelled"), gettext_noop("delivered"),
    gettext_noop("confirmed"), gettext_noop("accepted"), gettext_noop("preparing"), gettext_noop("ready"),
    gettext_noop("out for delivery"), gettext_noop("status"), gettext_noop("courier"),
    # Why an order needs attention
    gettext_noop("amount mismatch"), gettext_noop("unmapped item"), gettext_noop("unknown branch"),
    gettext_noop("missing customer"), gettext_noop("unknown currency"), gettext_noop("provider not told"),
    # Fields of an order
    gettext_noop("display id"), gettext_noop("payment method"), gettext_noop("order type"), gettext_noop("fulfilled by"),
    gettext_noop("notes"), gettext_noop("scheduled for"), gettext_noop("estimated delivery at"), gettext_noop("subtotal"),
    gettext_noop("tax"), gettext_noop("delivery fee"), gettext_noop("service fee"), gettext_noop("discount"),
    gettext_noop("tip"), gettext_noop("total"), gettext_noop("cash due"), gettext_noop("currency"), gettext_noop("branch"),
    gettext_noop("items"), gettext_noop("customer"), gettext_noop("delivery address"), gettext_noop("is test"),
    gettext_noop("accept by"), gettext_noop("prep minutes"), gettext_noop("menu product"),
    # Steps of a trial and of a test of the connection
    gettext_noop("parse"), gettext_noop("apply"), gettext_noop("process"), gettext_noop("read"), gettext_noop("record"),
    gettext_noop("token"), gettext_noop("call"),
    gettext_noop("An earlier step failed."), gettext_noop("This provider has no harmless call that we know."),
    gettext_noop("NEXARA is healthy."), gettext_noop("The provider gave a token."),
    gettext_noop("The host's name has no address."),
)  # fmt: skip
