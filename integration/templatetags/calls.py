"""Why a call did not work, on a page."""

from __future__ import annotations

from django import template

from integration import call_words as sentences

register = template.Library()


@register.filter
def call_words(text: str) -> str:
    """Return a stored reason in the language of the page."""
    return sentences.call_words(text)
