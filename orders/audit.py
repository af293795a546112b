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
    actor: str = "system",
) -> AuditEntry:
    """Write one entry of the audit trail, in the caller's transaction. ``details`` must hold no secret.

    Without a ``user`` it is the request's; ``actor`` names who acted where that is no user either.
    """
    if user is None and request is not None:
        user = getattr(request, "user", None)
    person = user if isinstance(user, User) else None
    return AuditEntry.objects.create(
        company=company,
        user=person,
        actor=person.username if person else actor,
        action=action,
        target=_one_line(target)[:255],
        details=details or {},
        address=request.META.get("REMOTE_ADDR") or None if request is not None else None,
    )


def record_for_person(action: str, person: User | None, **entry: Any) -> None:
    """Write an act of a person who stands in no one company's page: into the trail of each company of theirs.

    Somebody unknown, or without a company, stands in the trail of the installation.
    """
    # Asked for nobody as well: an unknown name has to take as long as a known one.
    person_id = person.pk if person is not None else 0
    found = Company.objects.filter(memberships__user_id=person_id).order_by("created_at")
    companies: list[Company | None] = [*found] or [None]
    for company in companies:
        record_act(action, company=company, **entry)


def _one_line(text: object) -> str:
    """Return text as the trail may show it: what somebody typed has no control characters, NUL or surrogates there."""
    return "".join(
        character if character.isprintable() and not "\ud800" <= character <= "\udfff" else "\ufffd"
        for character in str(text)
    )
