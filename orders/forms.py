"""The filters of the order stream, and of the chart beside it."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from orders.access import Access
from orders.models import Branch, Order, Role
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


def _branches(access: Access) -> QuerySet[Branch]:
    branches = Branch.objects.filter(company=access.company).order_by("name")
    return branches if access.branch_ids is None else branches.filter(id__in=access.branch_ids)


class BoardFilter(forms.Form):
    """Which orders one kitchen cooks. What is not valid does not filter: an old bookmark still shows orders."""

    branch: forms.ModelChoiceField[Branch] = forms.ModelChoiceField(
        Branch.objects.none(), required=False, empty_label=_("All branches")
    )
    provider = forms.ChoiceField(required=False, choices=[("", _("All providers")), *provider_choices()])

    def __init__(self, data: QueryDict, access: Access) -> None:
        super().__init__(data)
        self.access = access
        field = self.fields["branch"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = _branches(access)
        self.branches = list(field.queryset)

    def apply(self) -> QuerySet[Order]:
        """Return the open orders that this person may see and wants to."""
        self.is_valid()
        orders = self.access.orders().filter(status__in=OPEN)
        if branch := self.cleaned_data.get("branch"):
            orders = orders.filter(branch=branch)
        if provider := self.cleaned_data.get("provider"):
            orders = orders.filter(provider=provider)
        return orders


class GridFilter(forms.Form):
    """What the grid's filter offers to choose from; ``orders.filters`` reads what is chosen."""

    status = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(status.value, STATUS_WORDS[status]) for status in Status],
    )
    provider = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, choices=provider_choices()
    )
    branch = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: QueryDict, access: Access) -> None:
        super().__init__(data)
        self.branches = [(str(branch.id), branch.display_name) for branch in _branches(access)]
        field = self.fields["branch"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = self.branches


class RevenueFilter(forms.Form):
    """What the chart of the revenue is narrowed to."""

    provider = forms.ChoiceField(required=False, choices=[("", _("All providers")), *provider_choices()])
    branch = forms.ChoiceField(required=False)

    def __init__(self, branches: Iterable[Branch]) -> None:
        super().__init__(auto_id="revenue-%s")
        self.branches = list(branches)
        named = [(str(branch.id), branch.display_name) for branch in self.branches]
        self.fields["branch"] = forms.ChoiceField(required=False, choices=[("", _("All branches")), *named])
