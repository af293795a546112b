"""The menu: what a provider's product ids and names are matched with."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models

from orders.names import name_key


class MenuProduct(models.Model):
    """A product or an option that a company sells, with its names in English and Arabic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="menu_products")
    name = models.CharField(max_length=255)
    name_ar = models.CharField(max_length=255, blank=True)
    price = models.DecimalField(max_digits=15, decimal_places=4, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    name_key = models.CharField(max_length=255, editable=False)
    name_ar_key = models.CharField(max_length=255, editable=False, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "menu_products"
        ordering = ["name"]
        indexes = [
            # Read by matching.match_products, once per order, for the names it has no id for.
            models.Index(fields=["company", "name_key"], name="menu_product_by_name"),
            models.Index(fields=["company", "name_ar_key"], name="menu_product_by_name_ar"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        self.set_keys()
        if update_fields is not None:
            update_fields = {*update_fields, "name_key", "name_ar_key"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def set_keys(self) -> None:
        """Set the names' forms for comparison; ``save`` does it, writing many at once does not."""
        self.name_key, self.name_ar_key = name_key(self.name), name_key(self.name_ar)


class MenuProductCode(models.Model):
    """A provider's id of a product."""

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    product = models.ForeignKey(MenuProduct, models.CASCADE, related_name="codes")
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    mapped_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When a person said that an item which had come is this product; None where the id came with the menu."""
    mapped_by = models.ForeignKey(
        "orders.User", models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        db_table = "menu_product_codes"
        constraints = [
            # An id names one product; read by matching.match_products.
            models.UniqueConstraint(
                fields=["company", "provider", "external_id"], name="menu_code_unique_per_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.company_id = self.product.company_id
        super().save(*args, **kwargs)
