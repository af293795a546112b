"""What owners do with their people and tokens, each act with its entry in the trail: for the API and the pages alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from orders import members
from orders.audit import record_act
from orders.members import UNCHANGED
from orders.models import ApiToken, Company, Membership, Role, User


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, for which company, from where."""

    company: Company
    user: User
    request: HttpRequest

    def record(self, action: str, target: object, details: dict[str, Any] | None = None) -> None:
        record_act(action, company=self.company, user=self.user, request=self.request, target=target, details=details)


@transaction.atomic
def invite(
    act: Act,
    *,
    username: str,
    role: Role,
    email: str = "",
    name: str = "",
    branch_ids: Iterable[uuid.UUID] | None = None,
) -> tuple[Membership, str]:
    """Add a person; return their place and their password, which is shown once. Raises as ``add_member`` does."""
    branch_ids = None if branch_ids is None else list(branch_ids)
    member, password = members.add_member(
        act.company, username=username, role=role, email=email, name=name, branch_ids=branch_ids
    )
    branches = None if branch_ids is None else [str(branch_id) for branch_id in branch_ids]
    act.record("member.added", username, {"role": role.value, "branches": branches})
    return member, password


@transaction.atomic
def change(
    act: Act, member: Membership, *, role: Role | None = None, branch_ids: Iterable[uuid.UUID] | None = UNCHANGED
) -> dict[str, list[Any]]:
    """Change somebody's role or branches; return what changed. Raises as ``change_member`` does."""
    changes = members.change_member(member, role=role, branch_ids=branch_ids)
    if changes:
        act.record("member.changed", member.user.username, changes)
    return changes


@transaction.atomic
def remove(act: Act, member: Membership) -> int:
    """Remove somebody with their tokens here; return how many those were. Raises LastOwnerError."""
    username, role = member.user.username, member.role
    revoked = members.remove_member(member)
    act.record("member.removed", username, {"role": role, "revokedTokens": revoked})
    return revoked


@transaction.atomic
def end_sessions(act: Act, member: Membership) -> None:
    """Sign somebody out everywhere."""
    members.end_sessions(member.user)
    act.record("member.sessions_ended", member.user.username)


@transaction.atomic
def reset_password(act: Act, member: Membership) -> str:
    """Give somebody a new password, which is shown once. Ask ``members.may_reset`` before."""
    password = members.reset_password(member)
    act.record("member.password_reset", member.user.username)
    return password


@transaction.atomic
def issue(act: Act, name: str) -> tuple[ApiToken, str]:
    """Make a token that acts as who makes it; return it with its key, which is shown once."""
    token, key = ApiToken.issue(user=act.user, company=act.company, name=name)
    act.record("token.issued", token.id, {"name": name})
    return token, key


@transaction.atomic
def revoke(act: Act, token: ApiToken) -> None:
    """Revoke a token: it is refused from this moment on."""
    token_id = token.id
    token.delete()
    act.record("token.revoked", token_id, {"name": token.name})
