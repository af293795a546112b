"""What people fill in on the pages of the menu and the team."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.models import Branch, Company, Membership, MenuProduct, Role, User


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    """A product of the menu."""

    class Meta:
        model = MenuProduct
        fields = ("name", "name_ar", "price", "is_active")

    price = forms.DecimalField(required=False, min_value=0, max_digits=13, decimal_places=4)


class MemberForm(forms.Form):
    """A person's place in a company: of somebody new, or with ``member`` of somebody who is there."""

    username = forms.CharField(max_length=150, validators=[User.username_validator])
    name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(max_length=254, required=False)
    role = forms.ChoiceField(choices=Role.choices)
    limited = forms.BooleanField(required=False)
    branches = forms.ModelMultipleChoiceField(Branch.objects.none(), required=False)

    def __init__(self, company: Company, data: Any = None, *, member: Membership | None = None, **kwargs: Any) -> None:
        if member is not None:
            here = [branch.pk for branch in member.branches.all()]
            kwargs["initial"] = {"role": member.role, "limited": member.is_limited, "branches": here}
        super().__init__(data, **kwargs)
        if member is not None:
            for name in ("username", "name", "email"):
                del self.fields[name]
        field = self.fields["branches"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = Branch.objects.filter(company=company)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self._is_limited(data) and not data.get("branches") and "branches" not in self.errors:
            self.add_error("branches", _("Choose one branch at least, or let the person work in all of them."))
        return data

    def branch_ids(self) -> list[uuid.UUID] | None:
        """Return the branches that were chosen; None for all of them. An owner works in all."""
        return [branch.pk for branch in self.cleaned_data["branches"]] if self._is_limited(self.cleaned_data) else None

    def _is_limited(self, data: dict[str, Any]) -> bool:
        return bool(data.get("limited")) and data.get("role") != Role.OWNER

    def chosen_branches(self) -> set[str]:
        """Return the ids that the form shows as chosen, as texts."""
        return {str(value) for value in self["branches"].value() or ()}
