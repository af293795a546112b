"""What is wrong with a payload, in the language of a page. It is stored in English, as the readers and the API tell it."""

from __future__ import annotations

import re

from django.utils.translation import get_language, get_language_bidi, gettext, gettext_noop

_WANTED = (
    gettext_noop("an event"), gettext_noop("an id"), gettext_noop("a status"), gettext_noop("a provider"),
    gettext_noop("a text"),
    gettext_noop("an object"), gettext_noop("a list"), gettext_noop("a JSON object"), gettext_noop("a plain decimal"),
    gettext_noop("an amount with its currency"), gettext_noop("a number"), gettext_noop("a positive integer"),
    gettext_noop("a whole number of minor units"), gettext_noop("at least one line"), gettext_noop("each key once"),
    gettext_noop("an id without NUL or lone surrogates"), gettext_noop("a text without NUL or lone surrogates"),
    gettext_noop("the id of an order of ours"), gettext_noop("an object of amounts"), gettext_noop("a list of objects"),
    gettext_noop("a text that is not blank"), gettext_noop("true or false"), gettext_noop("an amount"),
)  # fmt: skip
_FOUND = (
    gettext_noop("nothing"), gettext_noop("an object"), gettext_noop("a list"), gettext_noop("an empty list"),
    gettext_noop("it twice"), gettext_noop("a longer number"),
)  # fmt: skip
_EXPECTED = re.compile(
    r"(?P<path>[^\s:]+: )?expected (?P<wanted>.+?)(?:, (?:got (?P<found>.+)|(?P<out>left out)))?", re.DOTALL
)
_MOST = re.compile(r"at most (?P<number>\d+)(?P<unit> lines| characters| values| levels of nesting)?")
_MOST_ID = re.compile(r"an id of at most (?P<number>\d+) characters")


def fault_words(text: str) -> str:
    """Return a stored fault, or several between semicolons, in the page's language; a word of somebody else stays."""
    if (get_language() or "en").startswith("en"):
        return text
    said = "; ".join(_one(part) for part in text.split("; "))
    # A path in front would have the browser take it for a text in the other direction.
    mark = "\u200f" if get_language_bidi() and said != text else ""
    return f"{mark}{said}"


def _one(text: str) -> str:
    fault = _EXPECTED.fullmatch(text)
    if fault is None:
        return gettext(text) if text else ""
    wanted = _wanted(fault["wanted"])
    if fault["found"] is not None:
        said = gettext("expected {wanted}, got {found}").format(wanted=wanted, found=_found(fault["found"]))
    elif fault["out"]:
        said = gettext("expected {wanted}, left out").format(wanted=wanted)
    else:
        said = gettext("expected {wanted}").format(wanted=wanted)
    # A path keeps its own direction, and does not give it to the sentence.
    return f"\u2068{fault['path'][:-2]}\u2069: {said}" if fault["path"] else said


def _wanted(text: str) -> str:
    if text in _WANTED:
        return gettext(text)
    if identity := _MOST_ID.fullmatch(text):
        return gettext("an id of at most {number} characters").format(number=identity["number"])
    if most := _MOST.fullmatch(text):
        return _at_most(most["unit"] or "").format(number=most["number"])
    return text


def _at_most(unit: str) -> str:
    return {
        "": gettext("at most {number}"),
        " lines": gettext("at most {number} lines"),
        " characters": gettext("at most {number} characters"),
        " values": gettext("at most {number} values"),
        " levels of nesting": gettext("at most {number} levels of nesting"),
    }[unit]


def _found(text: str) -> str:
    """Return what was found: our word for it, or the very value, which keeps its own direction."""
    return gettext(text) if text in _FOUND else f"\u2068{text}\u2069"
