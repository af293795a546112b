"""Opening hours as people write them: one line a day, ``Mon 10:00-02:00``."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LINE = re.compile(r"([A-Za-z]{3})[a-z]*\s+([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_MAX_LINES = 50


class OpeningHoursField(forms.CharField):
    """A list of ``{"day", "opens", "closes"}``, edited as lines; an empty text is an empty list: always open."""

    widget = forms.Textarea(attrs={"rows": 8, "cols": 30, "dir": "ltr"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text", "One line each, such as “Mon 10:00-02:00”, in the company's time. Empty: always."
        )
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{DAYS[span['day']]} {span['opens']}-{span['closes']}" for span in value if _is_span(span))

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in str(value or "").splitlines() if line.strip()]
        if len(lines) > _MAX_LINES:
            raise ValidationError(f"At most {_MAX_LINES} lines.")
        return [_span_of(line) for line in lines]

    def validate(self, value: Any) -> None:
        """Leave it to ``to_python``: the value is a list by now."""

    def run_validators(self, value: Any) -> None:
        """Run none: they are for text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True


def _is_span(span: Any) -> bool:
    return isinstance(span, dict) and span.get("day") in range(7) and {"opens", "closes"} <= span.keys()


def _span_of(line: str) -> dict[str, Any]:
    match = _LINE.fullmatch(line)
    if match is None or match[1].capitalize() not in DAYS:
        raise ValidationError("“%(line)s” is not like “Mon 10:00-02:00”.", params={"line": line[:60]})
    day, hour, minute, to_hour, to_minute = match.groups()
    return {"day": DAYS.index(day.capitalize()), "opens": f"{hour}:{minute}", "closes": f"{to_hour}:{to_minute}"}
