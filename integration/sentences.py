"""Sentences of ours that are stored in English with a value in them, in the language of a page: found again by their form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from django.utils.translation import gettext

_NAME = re.compile(r"\\\{(\w+)\\\}")


class Sentences:
    """Forms such as ``The provider answered {status}.``, the first that fits counts. ``values`` words what stands in one."""

    def __init__(self, forms: Iterable[str], values: Mapping[str, Callable[[str], str]]) -> None:
        self._values = values
        self._forms = tuple(forms)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(_NAME.sub(r"(?P<\1>.+)", re.escape(form)), re.DOTALL), form) for form in self._forms]

    def said(self, text: str) -> str | None:
        """Return a stored sentence in the language of the page; None where it has none of the forms."""
        for pattern, form in self._patterns:
            if found := pattern.fullmatch(text):
                words = {name: self._values.get(name, str)(value) for name, value in found.groupdict().items()}
                return gettext(form).format(**words)
        return None
