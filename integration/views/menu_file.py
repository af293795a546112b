"""The menu as a file: out, and in again after a look at what each row would do."""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from integration.views.acting import acted
from integration.views.menu import mended_words, page_context
from orders.access import Access
from orders.audit import record_act
from orders.business_day import business_date
from orders.menu import mend_known
from orders.menu_file import MAX_BYTES, FileFault, Plan, decode, save_plan, write_menu
from orders.models import Role
from orders.pages import member_page, page_for

SALT = "menu-file"
LOOKED_AT_FOR_S = 3600
"""How long a file that was checked can be brought in."""
SHOWN_ROWS = 200


@member_page
def export(request: HttpRequest, access: Access) -> HttpResponse:
    """Answer the menu as CSV."""
    name = f"menu-{access.company.slug}-{business_date(access.company, timezone.now()):%Y-%m-%d}.csv"
    record_act("menu.exported", company=access.company, user=access.user, request=request)
    return HttpResponse(
        write_menu(access.company),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@page_for(Role.MANAGER, "GET", "HEAD", "POST")
def check(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the form; with a file, what each of its rows would do. Writes nothing."""
    if request.method != "POST":
        return _show(request, access)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise FileFault(_("Choose a file."))
        text = decode(file.read(MAX_BYTES + 1))
        return _show(request, access, text=text, plan=Plan(access.company, text))
    except FileFault as fault:
        return _show(request, access, fault=str(fault))


@page_for(Role.MANAGER, "POST")
def bring_in(request: HttpRequest, access: Access) -> HttpResponse:
    """Write a file that was checked: all of its rows, or none where one cannot be used by now."""
    try:
        text = _checked(request.POST.get("checked", ""), access)
        with transaction.atomic():
            plan = Plan(access.company, text)
            counts = plan.counts()
            if counts["fault"]:
                return _show(request, access, text=text, plan=plan)
            save_plan(plan)
            written = {name: counts[name] for name in ("new", "changed")}
            record_act("menu.imported", company=access.company, user=access.user, request=request, details=written)
    except FileFault as fault:
        return _show(request, access, fault=str(fault))
    except (IntegrityError, OperationalError):
        return _show(request, access, fault=_("Nothing was written: the menu changed meanwhile. Check the file again."))
    message = _("%(new)d products are new, %(changed)d changed.") % written
    return acted(request, "menu-products", message=message + mended_words(mend_known(access)))


def _checked(sealed: str, access: Access) -> str:
    """Return the text that was checked here by the same person for the same company. Raises FileFault."""
    try:
        kept = signing.loads(sealed, salt=SALT, max_age=LOOKED_AT_FOR_S)
    except signing.BadSignature:
        raise FileFault(_("The check is too old. Choose the file again.")) from None
    if kept["company"] != str(access.company.id) or kept["user"] != access.user.pk:
        raise FileFault(_("The check is too old. Choose the file again."))
    return str(kept["text"])


def _show(
    request: HttpRequest, access: Access, *, fault: str = "", text: str = "", plan: Plan | None = None
) -> HttpResponse:
    context: dict[str, Any] = {**page_context(access), "fault": fault, "plan": plan}
    if plan is not None:
        counts = plan.counts()
        # What is wrong first, then what would change; what stays as it is needs no look.
        rank = {"fault": 0, "new": 1, "changed": 2}
        rows = sorted((row for row in plan.rows if row.act in rank), key=lambda row: rank[row.act])
        context |= {"counts": counts, "rows": rows[:SHOWN_ROWS], "hidden": max(0, len(rows) - SHOWN_ROWS)}
        if not counts["fault"] and rows:
            kept = {"company": str(access.company.id), "user": access.user.pk, "text": text}
            context["checked"] = signing.dumps(kept, salt=SALT, compress=True)
    wrong = fault or (plan is not None and context["counts"]["fault"])
    return render(request, "integration/menu_file.html", context, status=400 if wrong else 200)
