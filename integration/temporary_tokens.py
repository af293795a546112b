"""API tokens for as long as a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from orders.audit import record_act
from orders.models import ApiToken, Company, Membership, Role


@contextmanager
def temporary_tokens(company: Company, name: str, *, count: int, minutes: float) -> Iterator[list[str]]:
    """Make tokens in the name of a company's owner, and revoke them afterwards whatever happens.

    A command that is killed leaves tokens that expire after ``minutes``. Raises CommandError where there is no owner.
    """
    owner = Membership.objects.filter(company=company, role=Role.OWNER, is_limited=False, user__is_active=True).first()
    if owner is None:
        raise CommandError(f"{company.slug} has no owner in whose name calls could be made.")
    expiry = timezone.now() + timedelta(minutes=minutes)
    with transaction.atomic():
        made = [ApiToken.issue(user=owner.user, company=company, name=name) for _ in range(count)]
        for token, _ in made:
            token.expiry = expiry
            token.save(update_fields=["expiry"])
            record_act("token.issued", company=company, target=token.id, details={"name": name})
    try:
        yield [key for _, key in made]
    finally:
        with transaction.atomic():
            for token, _ in made:
                record_act("token.revoked", company=company, target=token.id, details={"name": name})
                token.delete()
