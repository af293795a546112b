"""The people who order."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from orders.admin.lists import CompanyFilter, LargeListAdmin, searched_company_ids
from orders.admin_scope import ReadOnlyAdmin
from orders.models import Customer

FOUND_AT_MOST = 200


@admin.register(Customer)
class CustomerAdmin(LargeListAdmin, ReadOnlyAdmin):
    """Customers as their orders tell them."""

    list_display = ("name", "phone", "email", "company", "created_at")
    list_display_links = ("name", "phone")
    list_select_related = ("company",)
    list_filter = (("company", CompanyFilter),)
    search_fields = ("phone_key",)
    search_help_text = _("A whole phone number in international form, a whole e-mail address, or an id.")
    ordering = ("-created_at", "-id")
    fields = ("id", "company", "name", "phone", "email", "created_at", "updated_at", "orders_link")
    readonly_fields = ("orders_link",)

    def found_ids(self, request: HttpRequest, term: str) -> Iterable[Any]:
        try:
            return [uuid.UUID(term)]
        except ValueError:
            pass
        phone = "".join(char for char in term if char not in " -()")
        found = Customer.objects.filter(company_id__in=searched_company_ids(request))
        by_phone = found.filter(Q(phone_key=phone) | Q(phone_key=f"+{phone}"))
        by_email = found.filter(email_key=term.casefold())
        return [*by_phone.values_list("pk", flat=True)[:FOUND_AT_MOST],
                *by_email.values_list("pk", flat=True)[:FOUND_AT_MOST]]  # fmt: skip

    @admin.display(description=_("orders"))
    def orders_link(self, obj: Customer) -> str:
        url = reverse("admin:orders_order_changelist")
        return format_html('<a href="{}?customer__id__exact={}">Orders of this customer</a>', url, obj.pk)
