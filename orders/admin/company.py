"""Companies and their branches."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.choices import CallableChoiceIterator

from orders.admin.lists import CompanyFilter
from orders.admin.opening_hours import OpeningHoursField
from orders.admin_scope import CompanyScopedAdmin, CompanyScopedForm, ScopedInline, is_superuser
from orders.audit import record_act
from orders.models import Branch, BranchStore, Company, Order
from providers.registry import provider_choices


@cache
def time_zones() -> list[tuple[str, str]]:
    """Return the names of all time zones as choices, read from the disk when somebody first sees them."""
    return [(name, name) for name in sorted(zoneinfo.available_timezones())]


class CompanyForm(CompanyScopedForm):
    class Meta:
        model = Company
        fields = ("name", "slug", "country", "currency", "time_zone", "business_day_cutoff")
        widgets = {
            "time_zone": forms.Select(choices=CallableChoiceIterator(time_zones)),
        }
        help_texts = {
            "slug": "Its short name in commands.",
            "business_day_cutoff": "Local time at which a business day begins; before it, it is still yesterday.",
        }


class BranchInline(ScopedInline):
    model = Branch
    form = CompanyScopedForm
    fields = ("name", "name_ar", "is_default")
    readonly_fields = ("is_default",)
    show_change_link = True
    can_delete = False


@admin.register(Company)
class CompanyAdmin(CompanyScopedAdmin):
    """The restaurant groups. An owner edits their own; making and deleting one is a superuser's."""

    company_lookup = "id"
    fixed_fields = ()
    form = CompanyForm
    list_display = ("name", "slug", "country", "currency", "time_zone")
    search_fields = ("name", "slug")
    ordering = ("name",)
    readonly_fields = ("id", "created_at")
    fields = ("id", "name", "slug", "country", "currency", "time_zone", "business_day_cutoff", "created_at")
    inlines = (BranchInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        readonly = super().get_readonly_fields(request, obj)
        return readonly if is_superuser(request) else [*readonly, "slug"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Give the company a default branch: orders of an unknown store need a kitchen."""
        super().save_related(request, form, formsets, change)
        branches = Branch.objects.filter(company=form.instance)
        if not branches.filter(is_default=True).exists():
            first = branches.order_by("created_at").first() or Branch(company=form.instance, name="Main")
            first.is_default = True
            first.save()

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        # A company's trail goes with it: that it was deleted stands in the trail of the installation.
        company = None if act == "deleted" else obj
        record_act(f"company.{act}", company=company, target=f"{obj.pk} {obj.slug}", details=details, request=request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse a company with orders before anything of it is read: a hundred thousand rows fit on no page."""
        kept = [f"{company.name}: its orders are kept" for company in objs if _has_orders(company)]
        if kept:
            return [], {}, set(), kept
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        # Its logs and its trail are read-only one by one, and go with it.
        return deleted, counts, set(), protected


def _has_orders(company: Company) -> bool:
    return Order.objects.filter(company=company).exists()


class BranchForm(CompanyScopedForm):
    opening_hours = OpeningHoursField()

    class Meta:
        model = Branch
        fields = ("company", "name", "name_ar", "is_default", "opening_hours")
        help_texts = {"is_default": "Takes the orders of unknown stores; the branch that did so before stops."}

    def _get_validation_exclusions(self) -> set[str]:
        # A second default branch is no fault: saving takes the mark from the first.
        return super()._get_validation_exclusions() | {"company"}


class BranchStoreForm(CompanyScopedForm):
    provider = forms.ChoiceField(choices=provider_choices)

    class Meta:
        model = BranchStore
        fields = ("provider", "store_id", "currency")


class BranchStoreInline(ScopedInline):
    model = BranchStore
    form = BranchStoreForm
    fields = ("provider", "store_id", "currency")


@admin.register(Branch)
class BranchAdmin(CompanyScopedAdmin):
    """Kitchens, and the providers' ids of them."""

    form = BranchForm
    list_display = ("name", "name_ar", "is_default", "company")
    list_select_related = ("company",)
    list_filter = (("company", CompanyFilter),)
    search_fields = ("name", "name_ar", "stores__store_id")
    ordering = ("name", "id")
    readonly_fields = ("id", "created_at")
    fields = ("id", "company", "name", "name_ar", "is_default", "opening_hours", "created_at")
    autocomplete_fields = ("company",)
    inlines = (BranchStoreInline,)

    def save_model(self, request: HttpRequest, obj: Branch, form: Any, change: bool) -> None:
        if obj.is_default:
            Branch.objects.filter(company=obj.company, is_default=True).exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)
