"""Who is calling, for which company, and what they may do there."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from orders.build import build_id
from orders.errors import ApiError, not_found
from orders.models import ApiToken, Company, Membership, Order, Role, User

RANKS = {Role.STAFF: 1, Role.MANAGER: 2, Role.OWNER: 3}


@dataclass(frozen=True)
class Access:
    """A person's standing in one company. ``branch_ids`` is None for all branches."""

    user: User
    company: Company
    role: Role
    branch_ids: frozenset[uuid.UUID] | None = None

    def at_least(self, role: Role) -> bool:
        return RANKS[self.role] >= RANKS[role]

    def orders(self) -> QuerySet[Order]:
        """Return the orders that this person may see."""
        orders = Order.objects.filter(company=self.company)
        return orders if self.branch_ids is None else orders.filter(branch_id__in=self.branch_ids)

    @property
    def scope(self) -> str:
        """Return a word that is the same for all who see the same orders of a company."""
        if self.branch_ids is None:
            return "all"
        return hashlib.sha256(",".join(sorted(map(str, self.branch_ids))).encode()).hexdigest()[:16]

    def sees_branch(self, branch_id: str | uuid.UUID | None) -> bool:
        if self.branch_ids is None:
            return True
        return branch_id is not None and uuid.UUID(str(branch_id)) in self.branch_ids


def find_access(user: Any, named: str = "", token: ApiToken | None = None) -> Access | None:
    """Return a user's access to the named company, by default the first joined; None where there is none.

    A token reaches its own company only. A superuser may name any company.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    company_id = _uuid(named)
    if named and company_id is None:
        return None
    if token is not None:
        if company_id not in (None, token.company_id):
            return None
        company_id = token.company_id
    memberships = Membership.objects.filter(user=user).select_related("company")
    membership = (memberships.filter(company_id=company_id) if company_id else memberships).first()
    if membership is not None:
        branch_ids = frozenset(membership.branches.values_list("id", flat=True)) if membership.is_limited else None
        return Access(user, membership.company, Role(membership.role), branch_ids)
    if user.is_superuser:
        companies = Company.objects.order_by("created_at")
        company = (companies.filter(pk=company_id) if company_id else companies).first()
        return Access(user, company, Role.OWNER) if company else None
    return None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def named_company(request: HttpRequest | Request) -> str:
    """Return the company that a request names, in its header or its query; ``""`` for the default one."""
    return request.headers.get("X-Company-Id", "") or request.GET.get("company", "")


class CompanyAPIView(APIView):
    """An endpoint of one company. ``role_required`` maps a method to the least role; others need staff."""

    role_required: ClassVar[dict[str, Role]] = {}
    request: Request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        needed = self.role_required.get(request.method or "", Role.STAFF)
        if not self.access.at_least(needed):
            raise ApiError(403, "permission_denied", f"This needs the role {needed.value}.")

    @cached_property
    def access(self) -> Access:
        token = self.request.auth if isinstance(self.request.auth, ApiToken) else None
        access = find_access(self.request.user, named_company(self.request), token)
        if access is None:
            raise not_found("This company")
        return access

    @property
    def company(self) -> Company:
        return self.access.company


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return what every page shows: the company, the person's companies, and whether signatures are checked."""
    context: dict[str, Any] = {"signatures_checked": settings.WEBHOOK_VALIDATE_SIGNATURE, "debug_on": settings.DEBUG}
    user = getattr(request, "user", AnonymousUser())
    if not isinstance(user, User):
        return context
    access = getattr(request, "access", None) or find_access(user, named_company(request))
    company = access.company if access else None
    return context | {
        "access": access,
        "company": company,
        "build": build_id(),
        "is_hub": settings.ROLE == "hub",
    }
