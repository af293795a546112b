"""Saying whose a store id is that no branch has: its branch has it from then on, and the orders that waited for that go there.

A door to an order, beside those of ``orders.services``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.access import Access
from orders.audit import record_act
from orders.menu import MOST_ORDERS, Mended
from orders.models import Branch, BranchStore, Order, User
from orders.rematch import BATCH
from orders.services import MARK_FIELDS, set_reasons
from orders.timeline import lock_order, write_change

REASON = "unknown_branch"


class StoreTakenError(Exception):
    """The provider's store id is another branch's; ``branch`` is None where that is none of the company's."""

    def __init__(self, branch: Branch | None) -> None:
        self.branch = branch
        super().__init__("The store id is another branch's.")


def give_store(access: Access, provider: str, store_id: str, branch: Branch, request: HttpRequest) -> Mended:
    """Make a provider's store id a branch's, and move the orders that wait for that, the newest first.

    The id, its entry in the audit trail and the first ``BATCH`` orders are one transaction; more follow in batches, up to
    ``MOST_ORDERS``. Raises StoreTakenError where the id is another branch's; nothing is written then. Safe to call twice.
    """
    with transaction.atomic():
        _give(access, provider, store_id, branch, request)
        # Looked up after the change: what comes meanwhile finds the branch by itself.
        order_ids = list(_waiting(branch, provider, store_id).values_list("pk", flat=True)[: MOST_ORDERS + 1])
        mended = _move(branch, provider, store_id, order_ids[:BATCH], access.user)
    for start in range(BATCH, min(len(order_ids), MOST_ORDERS), BATCH):
        try:
            with transaction.atomic():
                mended += _move(branch, provider, store_id, order_ids[start : start + BATCH], access.user)
        except OperationalError:
            return Mended(mended, has_more=True)
    return Mended(mended, has_more=len(order_ids) > MOST_ORDERS)


def _give(access: Access, provider: str, store_id: str, branch: Branch, request: HttpRequest) -> None:
    """Write the id in the caller's transaction; what the branch has already leaves no trace. Raises StoreTakenError."""
    try:
        with transaction.atomic():
            BranchStore.objects.create(branch=branch, provider=provider, store_id=store_id)
    except IntegrityError:
        stores = BranchStore.objects.select_related("branch").filter(branch__company=access.company)
        found = stores.filter(provider=provider, store_id=store_id).first()
        if found is None or found.branch_id != branch.id:
            raise StoreTakenError(found.branch if found else None) from None
        return
    record_act(
        "branch.store_given",
        company=access.company,
        target=f"{provider} {store_id}",
        details={"branch": str(branch.id), "name": branch.name},
        request=request,
        user=access.user,
    )


def _waiting(branch: Branch, provider: str, store_id: str) -> QuerySet[Order]:
    orders = Order.objects.filter(company=branch.company_id, provider=provider, needs_attention=True, store_id=store_id)
    return orders.order_by("-created_at", "-id")


def _move(branch: Branch, provider: str, store_id: str, order_ids: Collection[uuid.UUID], user: User) -> int:
    """Move orders to their branch in the caller's transaction; return how many that are."""
    # Always in the same order, and all before the first number: nobody who holds one of them waits for this.
    for order_id in sorted(order_ids):
        lock_order(order_id)
    orders = _waiting(branch, provider, store_id).filter(pk__in=order_ids).select_related("branch", "company")
    moved = [order for order in orders.order_by("created_at", "id") if REASON in order.attention_reasons]
    for order in moved:
        before, order.branch, order.store_id = order.branch, branch, ""
        set_reasons(order, set(order.attention_reasons) - {REASON})
        has_moved = before is None or before.id != branch.id
        write_change(
            order,
            ("branch", "store_id", *MARK_FIELDS),
            {"branch": [before.name if before else None, branch.name]} if has_moved else {"settled": [REASON, ""]},
            user=user,
            is_loud=has_moved,
        )
    return len(moved)
