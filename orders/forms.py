"""The filter of the order stream."""

from __future__ import annotations

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from orders.access import Access
from orders.models import Order, Role
from orders.models.order import FINISHED
from orders.pages import STATUS_WORDS
from providers.events import Status
from providers.registry import provider_choices

OPEN = [status for status in Status if status not in FINISHED]
_SEARCHED = ("external_id__icontains", "display_id__icontains", "customer_name__icontains")


class StreamFilter(forms.Form):
    """Which orders a person wants to see. What is not valid does not filter: an old bookmark still shows orders."""

    status = forms.ChoiceField(
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("", _("All")),
            ("open", _("Open")),
            *[(status.value, STATUS_WORDS[status]) for status in OPEN],
            ("attention", _("Needs attention")),
            ("finished", _("Finished")),
        ],
    )
    provider = forms.ChoiceField(required=False, choices=[("", _("All providers")), *provider_choices()])
    search = forms.CharField(required=False, max_length=100)

    def chosen(self, name: str) -> str:
        """Return a field's valid value, ``""`` where it has none."""
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))

    @property
    def is_active(self) -> bool:
        return any(self.chosen(name) for name in self.fields)

    def apply(self, access: Access) -> QuerySet[Order]:
        """Return the orders that this person may see and wants to."""
        orders = access.orders()
        status, provider, search = (self.chosen(name) for name in ("status", "provider", "search"))
        if status == "open":
            orders = orders.filter(status__in=OPEN)
        elif status == "finished":
            orders = orders.filter(status__in=FINISHED)
        elif status == "attention":
            orders = orders.filter(status__in=OPEN, needs_attention=True)
        elif status:
            orders = orders.filter(status=status)
        if provider:
            orders = orders.filter(provider=provider)
        if search:
            wanted = Q()
            for field in _SEARCHED:
                wanted |= Q(**{field: search})
            by_phone = Q(customer_phone__icontains=search)
            if not access.at_least(Role.MANAGER):
                # Whoever sees a phone masked must not find it by guessing its digits.
                by_phone &= Q(status__in=OPEN)
            orders = orders.filter(wanted | by_phone)
        return orders
