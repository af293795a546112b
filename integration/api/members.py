"""``members``: a company's people."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from rest_framework.request import Request
from rest_framework.response import Response

from integration import team
from integration.api.member_shapes import (
    MemberAnswer,
    MemberChange,
    MemberPage,
    MemberRemovedAnswer,
    MemberRequest,
    NewMemberAnswer,
)
from integration.api.paging import page_of
from integration.api.reading import Fields, body_of
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.errors import ApiError, not_found
from orders.members import UNCHANGED, LastOwnerError, UnknownBranchError, UsernameTakenError, find_member
from orders.models import Membership, Role, User
from orders.schema import extend_schema, failures
from orders.times import iso_time

_OWNERS = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Role.OWNER)


def act_of(view: CompanyAPIView) -> team.Act:
    """Return who calls, for the acts of a team."""
    return team.Act(view.company, view.access.user, view.request._request)


def member_json(member: Membership) -> dict[str, Any]:
    """Return a member as the API tells them; ``branches`` is null for all."""
    user = member.user
    return {
        "id": str(member.id),
        "username": user.username,
        "name": user.get_full_name() or None,
        "email": user.email or None,
        "role": member.role,
        "branches": [{"id": str(b.id), "name": b.name} for b in member.branches.all()] if member.is_limited else None,
        "isActive": user.is_active,
        "joinedAt": iso_time(member.joined_at),
        "lastSignInAt": iso_time(user.last_login),
    }


class MemberListView(CompanyAPIView):
    """Everybody, and inviting one more."""

    role_required: ClassVar[dict[str, Role]] = _OWNERS

    @extend_schema(
        operation_id="members_list",
        summary="List members",
        parameters=[*PAGE, *COMPANY],
        responses={200: MemberPage, **failures(400, 404)},
        tags=["members"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of members, the last joined first."""
        members = self.company.memberships.select_related("user").prefetch_related("branches")
        return page_of(request, members, member_json, by="joined_at")

    @extend_schema(
        operation_id="members_add",
        summary="Add a person",
        description=(
            "Makes a person with a generated password, which is answered once and never again. `branches` are ids; absent or"
            " null means all of them. An owner works in all branches."
        ),
        request=MemberRequest,
        parameters=COMPANY,
        responses={
            201: NewMemberAnswer,
            **failures(400, 404, s409="`username_taken`, in whatever company: an account is not taken over"),
        },
        tags=["members"],
    )
    def post(self, request: Request) -> Response:
        """Add a person."""
        fields = Fields(body_of(request), ("username", "email", "name", "role", "branches"))
        username, email = fields.text("username", 150, required=True), fields.text("email", 254)
        _check(fields, "username", User.username_validator, username)
        _check(fields, "email", validate_email, email)
        name = fields.text("name", 150)
        role = _role(fields) if fields.has("role") else None
        if role is None:
            fields.fault("role", f"expected one of {', '.join(Role.values)}")
        branch_ids = _branches(fields, role)
        fields.check()
        assert role is not None
        try:
            member, password = team.invite(
                act_of(self), username=username, role=role, email=email, name=name, branch_ids=branch_ids
            )
        except UsernameTakenError:
            raise ApiError(409, "username_taken", "Somebody has this username already.") from None
        except UnknownBranchError:
            raise not_found("This branch") from None
        return Response({"success": True, "data": member_json(member) | {"password": password}}, 201)


class MemberView(CompanyAPIView):
    """One person."""

    role_required: ClassVar[dict[str, Role]] = _OWNERS

    @extend_schema(
        operation_id="members_read",
        summary="Read a member",
        parameters=COMPANY,
        responses={200: MemberAnswer, **failures(404)},
        tags=["members"],
    )
    def get(self, request: Request, member_id: uuid.UUID) -> Response:
        """Answer the member."""
        return self._answer(self._find(member_id))

    @extend_schema(
        operation_id="members_change",
        summary="Change a member's role or branches",
        description="`branches: null` opens all of them. Whoever becomes an owner works in all branches.",
        request=MemberChange,
        parameters=COMPANY,
        responses={200: MemberAnswer, **failures(400, 404, s409="`last_owner`: a company keeps one owner")},
        tags=["members"],
    )
    def patch(self, request: Request, member_id: uuid.UUID) -> Response:
        """Change what the body names."""
        member = self._find(member_id)
        fields = Fields(body_of(request), ("role", "branches"))
        role = _role(fields) if fields.has("role") else None
        branch_ids = _branches(fields, role or Role(member.role)) if fields.has("branches") else UNCHANGED
        if not fields.data:
            fields.fault("body", "expected role or branches")
        fields.check()
        try:
            team.change(act_of(self), member, role=role, branch_ids=branch_ids)
        except LastOwnerError:
            raise _last_owner() from None
        except UnknownBranchError:
            raise not_found("This branch") from None
        return self._answer(self._find(member_id))

    @extend_schema(
        operation_id="members_remove",
        summary="Remove a member",
        description="Ends the membership and revokes the person's tokens of this company. The account itself stays.",
        parameters=COMPANY,
        responses={200: MemberRemovedAnswer, **failures(404, s409="`last_owner`: a company keeps one owner")},
        tags=["members"],
    )
    def delete(self, request: Request, member_id: uuid.UUID) -> Response:
        """Remove the member."""
        try:
            revoked = team.remove(act_of(self), self._find(member_id))
        except LastOwnerError:
            raise _last_owner() from None
        return Response({"success": True, "data": {"id": str(member_id), "deleted": True, "revokedTokens": revoked}})

    def _find(self, member_id: uuid.UUID) -> Membership:
        member = find_member(self.company, member_id)
        if member is None:
            raise not_found("This member")
        return member

    def _answer(self, member: Membership) -> Response:
        return Response({"success": True, "data": member_json(member)})


def _last_owner() -> ApiError:
    return ApiError(409, "last_owner", "A company keeps at least one owner who can sign in.")


def _check(fields: Fields, name: str, validator: Any, value: str) -> None:
    try:
        if value:
            validator(value)
    except ValidationError as error:
        fields.fault(name, " ".join(error.messages))


def _role(fields: Fields) -> Role | None:
    word = fields.choice("role", Role.values)
    return Role(word) if word else None


def _branches(fields: Fields, role: Role | None) -> list[uuid.UUID] | None:
    value = fields.data.get("branches")
    if value is None:
        return None
    if not isinstance(value, list) or not value or len(value) > 1_000:
        fields.fault("branches", "expected a list of branch ids, or null for all branches")
        return None
    if role is Role.OWNER:
        fields.fault("branches", "an owner works in all branches")
    found = [Fields({"id": entry}, prefix=f"branches[{index}].") for index, entry in enumerate(value)]
    ids = [entry.uuid("id") for entry in found]
    if None in ids:
        fields.fault("branches", "expected branch ids, which are UUIDs")
    return [branch_id for branch_id in ids if branch_id is not None]
