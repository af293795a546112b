"""Lists of a hundred thousand rows: pages without a count, and filters that ask the database for nothing but indexes."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.admin_scope import CompanyScopedAdmin, is_superuser, owned_company_ids, sees_several_companies
from orders.models import Company
from providers.registry import provider_choices

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

LAST_PAGE = 200
"""Deeper pages cost the database every row before them; whoever looks for something old filters by day."""
DAYS_OFFERED = 7


class OpenPaginator(_Paginator):
    """The links of a list whose end nobody counted: the pages so far, and the next one where there is more."""

    def __init__(self, page_num: int, has_more: bool) -> None:
        super().__init__([], 1)
        self.last = page_num + 1 if has_more else page_num

    def get_elided_page_range(self, number: int | str = 1, **_: Any) -> Iterator[str | int]:  # type: ignore[override]
        first_shown = max(1, self.last - 5)
        if first_shown > 1:
            yield 1
        if first_shown > 2:
            yield self.ELLIPSIS  # type: ignore[misc]
        yield from range(first_shown, self.last + 1)

    @property
    def num_pages(self) -> int:
        return self.last


class OpenChangeList(ChangeList):
    """Read one row more than the page shows, and count nothing."""

    def get_results(self, request: HttpRequest) -> None:
        if not 1 <= self.page_num <= LAST_PAGE:
            raise IncorrectLookupParameters
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        has_more = len(rows) > self.list_per_page and self.page_num < LAST_PAGE
        self.result_list = rows[: self.list_per_page]
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = False
        self.multi_page = has_more or self.page_num > 1
        self.paginator = OpenPaginator(self.page_num, has_more)


class LargeListAdmin(CompanyScopedAdmin):
    """A list that grows without end: no count, no sorting by columns without an index, search by exact words."""

    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OpenChangeList

    def found_ids(self, request: HttpRequest, term: str) -> Iterable[Any]:
        """Return the ids of the rows that a search term names, each read through an index; with ``search_fields`` alone."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # The ids are read first: together with the list's order, the database might walk the whole list instead.
        term = search_term.strip().replace("\x00", "")
        if not term or not self.get_search_fields(request):
            return queryset, False
        return queryset.filter(pk__in=list(self.found_ids(request, term))), False


def searched_company_ids(request: HttpRequest) -> list[Any]:
    """Return the companies to search in. A superuser's search names them all: the indexes begin with the company."""
    return list(Company.objects.values_list("pk", flat=True)) if is_superuser(request) else owned_company_ids(request)


class ProviderFilter(admin.SimpleListFilter):
    """The providers of the registry; Django's own filter would read them from every row of the table."""

    title = _("provider")
    parameter_name = "provider"
    extra_choices: ClassVar[tuple[tuple[str, str], ...]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*provider_choices(), *self.extra_choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class DayFilter(admin.SimpleListFilter):
    """One day, in the company's time zone; in UTC for somebody who sees several. ``?day=2026-11-21`` takes any day."""

    title = _("day")
    parameter_name = "day"
    field: ClassVar[str] = "created_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        today = timezone.now().astimezone(zone_of(request)).date()
        days = [today - timedelta(days=back) for back in range(DAYS_OFFERED)]
        self.zone = zone_of(request)
        names = {0: "Today", 1: "Yesterday"}
        return [(day.isoformat(), names.get(back, day.isoformat())) for back, day in enumerate(days)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(str(self.value()))
            begin = datetime.combine(day, time(0), tzinfo=self.zone)
            end = datetime.combine(day + timedelta(days=1), time(0), tzinfo=self.zone)
            return queryset.filter(
                **{f"{self.field}__gte": begin.astimezone(UTC), f"{self.field}__lt": end.astimezone(UTC)}
            )
        except (ValueError, OverflowError):
            raise IncorrectLookupParameters from None


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone in which the person's days begin."""
    known: tzinfo | None = getattr(request, "_operator_zone", None)
    if known is None:
        known = UTC
        if not sees_several_companies(request):
            company = Company.objects.filter(pk__in=owned_company_ids(request)).first()
            known = zoneinfo.ZoneInfo(company.time_zone) if company else UTC
        request._operator_zone = known  # type: ignore[attr-defined]
    return known


class OwnRowsFilter(admin.RelatedFieldListFilter):
    """A filter by a related row that offers the rows of the person's own companies."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        found = model_admin.admin_site._registry[field.remote_field.model]
        own = found.get_queryset(request).order_by(*found.get_ordering(request) or ("pk",))
        return [(row.pk, str(row)) for row in own]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1


class CompanyFilter(OwnRowsFilter):
    """The company, for those who see several."""
