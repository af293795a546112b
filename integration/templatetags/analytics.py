"""What the page of the analytics says."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.safestring import SafeString

from integration.analytics.words import Cell

register = template.Library()


@register.filter
def table_cells(cells: Iterable[Cell]) -> SafeString:
    """Write a row's figures as cells, with the numbers that the chart draws.

    A year by day has more than five thousand: a loop of the template takes ten times as long for them.
    """
    return SafeString(
        "".join(f'<td data-value="{escape(cell.value)}"><bdi>{escape(cell.text) or "–"}</bdi></td>' for cell in cells)
    )
