"""Who did what, when, from where. Append-only."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.db import connections, models
from django.db.models.signals import pre_delete
from django.dispatch import receiver

APPEND_ONLY = "Audit entries are append-only."


class AuditEntries(models.QuerySet["AuditEntry"]):
    """Entries to read and to add. They go only with their whole company, which Django deletes past these methods."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError(APPEND_ONLY)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(APPEND_ONLY)

    def delete(self) -> NoReturn:
        raise TypeError(APPEND_ONLY)


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

    objects = AuditEntries.as_manager()

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
            raise TypeError(APPEND_ONLY)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(APPEND_ONLY)


@receiver(pre_delete, sender="orders.Company", dispatch_uid="audit-erased-company")
def _name_erased_company(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Tell the database, for this transaction, that a company goes with its trail; several may go at once."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('audit.erased_companies',"
                " concat_ws(',', current_setting('audit.erased_companies', true), %s::text), true)",
                [str(instance.pk)],
            )
