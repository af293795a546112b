"""How pages write amounts, words and addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from babel import Locale
from django import template
from django.conf import settings
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext

from orders.fault_words import fault_words as faults_in_words
from orders.models import Company, Order, User
from orders.pages import ATTENTION_TITLES, STATUS_WORDS, Attention, Step, Text, attention_of, next_step, other_steps
from orders.reasons import reason_words, reasons_of, takes_words, was_accepted
from orders.views import cursor_of
from orders.vocabulary import code_words
from orders.vocabulary import told as sentence
from providers.money import currency_digits
from providers.registry import ADAPTERS

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """Return an amount with its currency's decimals; ``""`` where it is not told."""
    return "" if amount is None else f"{amount:,.{currency_digits(currency)}f}"


@register.filter
def provider_name(slug: str) -> str:
    adapter = ADAPTERS.get(slug)
    return adapter.name if adapter else slug.upper() if slug == "nexara" else slug


@register.simple_tag
def status_words() -> SafeString:
    """Write every status as attributes of the scripts' words: ``data-status-confirmed``."""
    return format_html_join("", '  data-status-{}="{}"\n', STATUS_WORDS.items())


@register.simple_tag
def counted_words() -> SafeString:
    """Write the scripts' words that count something, in each form that the language's plural has."""
    rows = []
    for name, text_for in _COUNTED.items():
        forms = {_plural_form(number): text_for(number) for number in _NUMBER_OF_EACH_FORM}
        rows += [(name, form, text) for form, text in forms.items()]
    return format_html_join("", '  data-{}-{}="{}"\n', rows)


_COUNTED: dict[str, Callable[[int], str]] = {
    "new-orders": lambda number: ngettext("{count} new order", "{count} new orders", number),
}
_NUMBER_OF_EACH_FORM = (0, 1, 2, 3, 11, 100)
"""One number of each form that any language has."""


def _plural_form(number: int) -> str:
    """Return the form's name in CLDR, which the browser's Intl knows as well."""
    return str(Locale.parse(get_language() or settings.LANGUAGE_CODE, sep="-").plural_form(number))


@register.filter
def status_word(status: str) -> Text:
    return STATUS_WORDS.get(status, status)


@register.filter
def step_forward(order: Order) -> Step | None:
    return next_step(order)


@register.filter
def steps_aside(order: Order) -> list[Step]:
    return other_steps(order)


@register.filter
def reason_list(order: Order) -> str:
    """Return the name of the list of reasons that fits an order."""
    return _list_name(order.provider, accepted=was_accepted(order))


def _list_name(provider: str, *, accepted: bool) -> str:
    return f"{provider}-{'after' if accepted else 'before'}"


@register.simple_tag
def reason_lists() -> list[dict[str, Any]]:
    """Return every provider's reasons, before and after an acceptance, for the dialog that asks."""
    return [
        {
            "name": _list_name(slug, accepted=accepted),
            "provider": adapter.name,
            "reasons": reasons_of(slug, accepted=accepted),
            "takes_words": takes_words(slug),
        }
        for slug, adapter in ADAPTERS.items()
        for accepted in (False, True)
    ]


@register.filter
def reason_in_words(reason: str, provider: str) -> str:
    return sentence(reason_words(provider, reason))


@register.filter
def attention(order: Order) -> list[Attention]:
    return attention_of(order)


@register.filter
def stream_cursor(order: Order) -> str:
    return cursor_of(order)


@register.filter
def words(code: str) -> str:
    """Return a code as words in the page's language."""
    return code_words(str(code))


@register.filter
def told(text: str) -> str:
    """Return a stored sentence of ours in the page's language."""
    return sentence(text)


@register.filter
def fault_words(text: str) -> str:
    """Return what is wrong with a payload in the page's language."""
    return faults_in_words(text)


@register.filter
def attention_title(code: str) -> Text:
    """Return a reason for attention in words."""
    return ATTENTION_TITLES.get(code, code)


@register.filter
def change_words(changes: dict[str, list[Any]]) -> list[tuple[str, str, str]]:
    """Return what changed as (field, before, after); both are blank where the values are private."""
    rows = []
    for name, values in sorted(changes.items()):
        before, after = ("–" if value is None else str(value) for value in values) if len(values) == 2 else ("", "")
        rows.append((words(name), before, after))
    return rows


@register.filter
def lateness(moment: Any, since: Any) -> int:
    """Return how many seconds ``moment`` is after ``since``."""
    return int((moment - since) / timedelta(seconds=1))


@register.simple_tag(takes_context=True)
def company_url(context: Context, name: str, *args: Any, **query: Any) -> str:
    """Return a page's address that stays in the company that the request names, if it names one; blank values stay out."""
    request = context.get("request")
    named = request.GET.get("company", "") if request is not None else ""
    url = reverse(name, args=args)
    wanted = urlencode({key: value for key, value in {"company": named, **query}.items() if value})
    return f"{url}?{wanted}" if wanted else url


@register.simple_tag(takes_context=True)
def here(context: Context, *sections: str) -> str:
    """Return the mark of the link whose section holds this page. ``/`` is a section of one page."""
    path = getattr(context.get("request"), "path", "")
    if path in sections:
        return mark_safe(' aria-current="page"')
    is_inside = any(len(section) > 1 and path.startswith(section) for section in sections)
    return mark_safe(' aria-current="true"') if is_inside else ""


@register.simple_tag
def companies_of(user: Any) -> list[Company]:
    """Return the companies that a person belongs to, the first joined first."""
    if not isinstance(user, User):
        return []
    return [membership.company for membership in user.memberships.select_related("company")]
