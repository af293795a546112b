"""A company's people and their tokens: inviting, changing, removing, issuing, revoking."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from orders.models import ApiToken, Branch, Company, Membership, Role, User
from orders.secret_files import new_secret


class UsernameTakenError(Exception):
    """Somebody has this name already, in whatever company."""


class LastOwnerError(Exception):
    """The company would be left without an owner who can sign in."""


class UnknownBranchError(Exception):
    """A branch that the company does not have."""


def find_member(company: Company, member_id: uuid.UUID) -> Membership | None:
    """Return the member of an id within a company; None where there is none."""
    members = company.memberships.select_related("user").prefetch_related("branches")
    return members.filter(pk=member_id).first()


def find_token(company: Company, token_id: uuid.UUID) -> ApiToken | None:
    """Return the token of an id within a company; None where there is none."""
    token: ApiToken | None = ApiToken.objects.filter(company=company, id=token_id).select_related("user").first()
    return token


def find_branches(company: Company, branch_ids: Iterable[uuid.UUID]) -> list[Branch]:
    """Return a company's branches of these ids; raise UnknownBranchError where it lacks one."""
    wanted = set(branch_ids)
    found = list(Branch.objects.filter(company=company, pk__in=wanted))
    if len(found) != len(wanted):
        raise UnknownBranchError
    return found


def add_member(
    company: Company,
    *,
    username: str,
    role: Role,
    email: str = "",
    name: str = "",
    branch_ids: Iterable[uuid.UUID] | None = None,
) -> tuple[Membership, str]:
    """Make a person and their place in the company; return it with a password that is shown once.

    ``branch_ids`` is None for all branches. Raises UsernameTakenError and UnknownBranchError; nothing is written then.
    """
    branches = None if branch_ids is None else find_branches(company, branch_ids)
    if User.objects.filter(username__iexact=username).exists():
        raise UsernameTakenError
    password = new_secret(15)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username, email=email, password=password, first_name=name, is_staff=role == Role.OWNER
            )
            member = Membership.objects.create(user=user, company=company, role=role, is_limited=branches is not None)
            member.branches.set(branches or [])
    except IntegrityError:
        # Somebody took the name in this moment.
        raise UsernameTakenError from None
    return member, password


UNCHANGED: Any = object()


def change_member(
    member: Membership, *, role: Role | None = None, branch_ids: Iterable[uuid.UUID] | None = UNCHANGED
) -> dict[str, list[Any]]:
    """Change somebody's role or branches; return what changed as ``[before, after]``.

    ``branch_ids`` is None for all branches. An owner is never limited. Raises LastOwnerError and UnknownBranchError.
    """
    with transaction.atomic():
        _lock_owners(member.company)
        member.refresh_from_db(fields=["role", "is_limited"])
        before = _branches_of(member)
        changes: dict[str, list[Any]] = {}
        if role is not None and role != member.role:
            if member.role == Role.OWNER:
                _check_not_last_owner(member)
            changes["role"] = [member.role, role.value]
            member.role = role
        branches = before if branch_ids is UNCHANGED else branch_ids
        if member.role == Role.OWNER:
            branches = None
        after = None if branches is None else sorted(str(branch_id) for branch_id in branches)
        if after != before:
            found = [] if branches is None else find_branches(member.company, (uuid.UUID(str(b)) for b in branches))
            changes["branches"] = [before, after]
            member.is_limited = branches is not None
            member.branches.set(found)
        if changes:
            member.save(update_fields=["role", "is_limited"])
            _set_staff(member.user)
    return changes


def _branches_of(member: Membership) -> list[str] | None:
    if not member.is_limited:
        return None
    return sorted(str(branch_id) for branch_id in member.branches.values_list("pk", flat=True))


def remove_member(member: Membership) -> int:
    """Take somebody out of the company, with the tokens they have there; return how many. Raises LastOwnerError.

    The account stays: it may belong to other companies, and what the person did keeps their name.
    """
    with transaction.atomic():
        _lock_owners(member.company)
        member.refresh_from_db(fields=["role"])
        if member.role == Role.OWNER:
            _check_not_last_owner(member)
        revoked, _ = ApiToken.objects.filter(company=member.company, user=member.user).delete()
        user = member.user
        member.delete()
        _set_staff(user)
    return int(revoked)


def end_sessions(user: User) -> None:
    """Sign a person out everywhere, from the next request on; their tokens stay."""
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)


def may_reset(member: Membership) -> bool:
    """Tell whether the company may give a person a new password: not where it would open another company to it."""
    others = Membership.objects.filter(user=member.user).exclude(company=member.company)
    return not member.user.is_superuser and not others.exists()


def reset_password(member: Membership) -> str:
    """Give a person a new password, which is shown once; it ends their sessions. Ask :func:`may_reset` before."""
    password = new_secret(15)
    member.user.set_password(password)
    member.user.save(update_fields=["password"])
    return password


def _lock_owners(company: Company) -> None:
    """Let two owners who remove each other at once wait for one another; orders that come meanwhile do not wait."""
    Company.objects.select_for_update(no_key=True).get(pk=company.pk)


def _check_not_last_owner(member: Membership) -> None:
    others = Membership.objects.filter(company=member.company, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise LastOwnerError


def _set_staff(user: User) -> None:
    """Let exactly those into the admin who own a company; a superuser needs no company for it."""
    is_staff = user.is_superuser or Membership.objects.filter(user=user, role=Role.OWNER).exists()
    if user.is_staff != is_staff:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])
