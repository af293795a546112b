"""Who did what, when, from where. Append-only."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models


class AuditEntry(models.Model):
    """One act of a person or of the system on behalf of one. Holds no secret and no customer's data."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, null=True, related_name="audit_entries")
    user = models.ForeignKey("orders.User", models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=150)
    """The name that the actor had then; ``system`` for the program itself."""
    action = models.CharField(max_length=64)
    """Dotted: ``credential.rotated``, ``event.replayed``, ``order.status_changed``."""
    target = models.CharField(max_length=255, blank=True)
    details = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "audit_entries"
        verbose_name_plural = "audit entries"
        ordering = ["-created_at", "-id"]
        indexes = [
            # The trail of one company, newest first.
            models.Index(fields=["company", "-created_at", "-id"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Audit entries are append-only.")
        super().save(*args, **kwargs)
