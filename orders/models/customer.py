"""The people who order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.ids import new_id


class Customer(models.Model):
    """A person as one company knows them. ``phone_key`` and ``email_key`` are what two orders are matched by.

    A masked, proxied or missing phone gives no key, so it merges nobody.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="customers", db_index=False)
    name = models.CharField(max_length=255, blank=True)
    phone = models.CharField(max_length=64, blank=True)
    """E.164 where the number is valid, else as sent."""
    email = models.CharField(max_length=254, blank=True)
    phone_key = models.CharField(max_length=32, null=True, editable=False)
    email_key = models.CharField(max_length=254, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "customers"
        constraints = [
            # One person per number in a company; matching inserts against it and so cannot race.
            models.UniqueConstraint(fields=["company", "phone_key"], name="customer_unique_phone"),
            # A person known by e-mail alone stands once; one with a phone may share the address.
            models.UniqueConstraint(
                fields=["company", "email_key"],
                condition=Q(phone_key__isnull=True),
                name="customer_unique_email_without_phone",
            ),
        ]
        indexes = [
            # Read by matching.match_customer for an order without a usable phone.
            models.Index(fields=["company", "email_key"], name="customer_by_email"),
        ]

    def __str__(self) -> str:
        return str(self.id)
