"""Writing the audit trail."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from orders.models import AuditEntry, Company, User


def record_act(
    action: str,
    *,
    company: Company | None,
    user: Any = None,
    target: object = "",
    details: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> AuditEntry:
    """Write one entry of the audit trail, in the caller's transaction. ``details`` must hold no secret."""
    if user is None and request is not None:
        user = request.user
    person = user if isinstance(user, User) else None
    return AuditEntry.objects.create(
        company=company,
        user=person,
        actor=person.username if person else "system",
        action=action,
        target=str(target)[:255],
        details=details or {},
        address=request.META.get("REMOTE_ADDR") or None if request is not None else None,
    )
