"""``/orders/<id>/branch/``: an owner says which branch the store is that an order names."""

from __future__ import annotations

import uuid

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from integration.views.acting import acted, missing
from integration.views.menu import mended_words
from orders.access import Access
from orders.models import Branch, Role
from orders.pages import page_for, uuid_or_none
from orders.stores import StoreTakenError, give_store


@page_for(Role.OWNER, "POST")
def say_branch(request: HttpRequest, access: Access, order_id: uuid.UUID) -> HttpResponse:
    """Give the store id of an order to a branch; the id is the order's, never the form's."""
    order = access.orders().filter(pk=order_id).first()
    branch_id = uuid_or_none(request.POST.get("branch", ""))
    branch = Branch.objects.filter(company=access.company, pk=branch_id).first() if branch_id else None
    if order is None or branch is None or not access.sees_branch(branch.id):
        return missing(request)
    back = "orders:order", order.id
    if not order.store_id:
        return acted(request, *back, message=_("Its branch is known already."), ok=False, code="not_marked")
    try:
        done = give_store(access, order.provider, order.store_id, branch, request)
    except StoreTakenError as error:
        message = _("Nothing was changed: this store id is taken. Ask whoever runs this installation.")
        if error.branch is not None:
            message = _("Nothing was changed: this store is “%(name)s” already.") % {"name": error.branch.display_name}
        return acted(request, *back, message=message, ok=False, code="store_taken")
    except OperationalError:
        message = _("Nothing was changed: its orders are being written just now. Try again.")
        return acted(request, *back, message=message, ok=False, code="unavailable")
    message = _("This store is “%(name)s” from now on.") % {"name": branch.display_name} + mended_words(done)
    return acted(request, *back, message=message)
