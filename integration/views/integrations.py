"""``/integrations/``: how each provider and the hub stand, and what owners and managers do about it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from integration.api.outbound import is_ok, register_providers, try_connection
from integration.checklist import checklists
from integration.companies import webhook_address
from integration.credentials import CredentialChange, change_credential
from integration.events import PROVIDERS
from integration.hub import is_hub
from integration.models.credential import NEXARA
from integration.registration import webhook_url
from integration.spark import days_of, drawing
from integration.standing import standings
from integration.views.acting import acted, company_path, missing
from orders.access import Access
from orders.models import Role
from orders.pages import member_page, page_for
from orders.timeline import last_seq
from providers.registry import ADAPTERS


@member_page
def integrations(request: HttpRequest, access: Access) -> HttpResponse:
    """Show each provider and the hub."""
    return render(request, "integration/integrations.html", _context(access))


def _context(access: Access) -> dict[str, Any]:
    now, company = timezone.now(), access.company
    statuses = standings(company, now)
    checks, days = checklists(company, statuses), days_of(company, now)
    for status in statuses:
        slug = status["provider"]
        status["checks"] = checks.get(slug, [])
        status["missing"] = sum(not check.is_done for check in status["checks"])
        status["day"] = days.get(slug)
        status["url"] = (
            webhook_url()
            if slug == NEXARA
            else webhook_address(settings.APP_BASE_URL, slug, company.id, at_hub=is_hub())
        )
    return {
        "seq": last_seq(company.id),
        "statuses": statuses,
        "drawing": drawing(),
        "may_test": access.at_least(Role.MANAGER),
        "may_manage": access.at_least(Role.OWNER),
    }


@page_for(Role.MANAGER, "POST")
def try_way(request: HttpRequest, access: Access, provider: str) -> HttpResponse:
    """Try the way to a provider, and show each step."""
    if provider not in PROVIDERS:
        return missing(request)
    steps = try_connection(access, provider, request)
    tested = {"provider": provider, "steps": steps or [], "ok": steps is not None and is_ok(steps)}
    # This address takes no GET: what leads back to the page leads to the list.
    stay_at = company_path(request, "integrations")
    return render(request, "integration/integrations.html", _context(access) | {"tested": tested, "stay_at": stay_at})


@page_for(Role.OWNER, "POST")
def switch(request: HttpRequest, access: Access, provider: str) -> HttpResponse:
    """Switch a provider on or off: its requests are refused while it is off."""
    if provider not in PROVIDERS or request.POST.get("enabled") not in ("true", "false"):
        return missing(request)
    on = request.POST["enabled"] == "true"
    change_credential(access.company, provider, CredentialChange(is_enabled=on), user=access.user, request=request)
    name = ADAPTERS[provider].name if provider in ADAPTERS else "NEXARA"
    message = _("%(name)s is switched on.") if on else _("%(name)s is switched off.")
    return acted(request, "integrations", message=message % {"name": name})


@page_for(Role.OWNER, "POST")
def register(request: HttpRequest, access: Access, provider: str) -> HttpResponse:
    """Register a provider with the hub; again, to renew what stands there."""
    if provider not in ADAPTERS:
        return missing(request)
    (result,) = register_providers(access, [provider], {}, request)
    if result.reason:
        message = _("NEXARA did not register it: %(reason)s") % {"reason": result.reason}
        return acted(request, "integrations", message=message, ok=False, code="registration_failed")
    return acted(request, "integrations", message=_("Registered with NEXARA."))
