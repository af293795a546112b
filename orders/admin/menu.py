"""The menu: products, and the providers' ids of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from orders.admin.lists import CompanyFilter
from orders.admin_scope import CompanyScopedAdmin, ScopedInline
from orders.menu import search_products
from orders.models import MenuProduct, MenuProductCode
from providers.registry import provider_choices


class CodeForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(choices=provider_choices)

    class Meta:
        model = MenuProductCode
        fields = ("provider", "external_id")


class CodeFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The ids of one product. The company is not in the form, so its constraint is checked here."""

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            wanted = form.cleaned_data if hasattr(form, "cleaned_data") else {}
            if not wanted.get("external_id") or wanted.get("DELETE") or self.instance.company_id is None:
                continue
            pair = {"provider": wanted["provider"], "external_id": wanted["external_id"]}
            taken = MenuProductCode.objects.filter(company_id=self.instance.company_id, **pair)
            others = [f for f in self.forms if f is not form and _pair_of(f) == pair]
            if others or taken.exclude(product_id=self.instance.pk).exists():
                raise ValidationError(
                    "%(provider)s's id %(external_id)s already names a product of this company.", params=pair
                )


def _pair_of(form: Any) -> dict[str, Any]:
    data = getattr(form, "cleaned_data", {})
    return {} if data.get("DELETE") else {name: data.get(name) for name in ("provider", "external_id")}


class CodeInline(ScopedInline):
    model = MenuProductCode
    form = CodeForm
    formset = CodeFormSet
    fields = ("provider", "external_id")
    verbose_name = "provider's id"
    verbose_name_plural = "providers' ids"


@admin.register(MenuProduct)
class MenuProductAdmin(CompanyScopedAdmin):
    """What a company sells. The search reads both languages, however a name is written."""

    list_display = ("name", "name_ar", "price", "is_active", "company")
    list_select_related = ("company",)
    list_filter = ("is_active", ("company", CompanyFilter))
    # Named for Django's sake; get_search_results is what searches.
    search_fields = ("name", "name_ar")
    search_help_text = _("A part of the name in English or Arabic, or a provider's id.")
    ordering = ("name", "id")
    readonly_fields = ("id", "created_at")
    fields = ("id", "company", "name", "name_ar", "price", "is_active", "created_at")
    autocomplete_fields = ("company",)
    inlines = (CodeInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MenuProduct], search_term: str
    ) -> tuple[QuerySet[MenuProduct], bool]:
        return search_products(queryset, search_term), False
