"""What people fill in on the pages of the menu and the team."""

from __future__ import annotations

from django import forms

from orders.models import MenuProduct


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    """A product of the menu."""

    class Meta:
        model = MenuProduct
        fields = ("name", "name_ar", "price", "is_active")

    price = forms.DecimalField(required=False, min_value=0, max_digits=13, decimal_places=4)
