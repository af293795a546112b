"""``tokens``: keys for programs."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from integration import team
from integration.api.member_shapes import NewTokenAnswer, TokenAnswer, TokenPage, TokenRequest, TokenRevokedAnswer
from integration.api.members import act_of
from integration.api.paging import page_of
from integration.api.reading import Fields, body_of
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.errors import not_found
from orders.members import find_token
from orders.models import ApiToken, Role
from orders.schema import extend_schema, failures
from orders.times import iso_time

_OWNERS = dict.fromkeys(("GET", "POST", "DELETE"), Role.OWNER)


def token_json(token: ApiToken) -> dict[str, Any]:
    """Return a token as the API tells it: nothing of its key."""
    return {
        "id": str(token.id),
        "name": token.name,
        "username": token.user.username,
        "createdAt": iso_time(token.created),
        "lastUsedAt": iso_time(token.last_used_at),
        "expiresAt": iso_time(token.expiry),
    }


class TokenListView(CompanyAPIView):
    """All tokens of the company, and making one."""

    role_required: ClassVar[dict[str, Role]] = _OWNERS

    @extend_schema(
        operation_id="tokens_list",
        summary="List tokens",
        description="Newest first. `lastUsedAt` is exact to a minute.",
        parameters=[*PAGE, *COMPANY],
        responses={200: TokenPage, **failures(400, 404)},
        tags=["tokens"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of tokens."""
        tokens = ApiToken.objects.filter(company=self.company).select_related("user")
        return page_of(request, tokens, token_json, by="created", key="digest")

    @extend_schema(
        operation_id="tokens_add",
        summary="Make a token",
        description="It acts as you, in this company. `key` is answered once and never again.",
        request=TokenRequest,
        parameters=COMPANY,
        responses={201: NewTokenAnswer, **failures(400, 404)},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Make a token."""
        fields = Fields(body_of(request), ("name",))
        name = fields.text("name", 100, required=True)
        fields.check()
        token, key = team.issue(act_of(self), name)
        return Response({"success": True, "data": token_json(token) | {"key": key}}, 201)


class TokenView(CompanyAPIView):
    """One token."""

    role_required: ClassVar[dict[str, Role]] = _OWNERS

    @extend_schema(
        operation_id="tokens_read",
        summary="Read a token",
        parameters=COMPANY,
        responses={200: TokenAnswer, **failures(404)},
        tags=["tokens"],
    )
    def get(self, request: Request, token_id: uuid.UUID) -> Response:
        """Answer the token."""
        return Response({"success": True, "data": token_json(self._find(token_id))})

    @extend_schema(
        operation_id="tokens_revoke",
        summary="Revoke a token",
        description="It is refused from this moment on.",
        parameters=COMPANY,
        responses={200: TokenRevokedAnswer, **failures(404)},
        tags=["tokens"],
    )
    def delete(self, request: Request, token_id: uuid.UUID) -> Response:
        """Revoke the token."""
        team.revoke(act_of(self), self._find(token_id))
        return Response({"success": True, "data": {"id": str(token_id), "deleted": True}})

    def _find(self, token_id: uuid.UUID) -> ApiToken:
        token = find_token(self.company, token_id)
        if token is None:
            raise not_found("This token")
        return token
