"""What has to be in place before a provider's orders can be relied on, and what of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from integration.models import OutboundPush, PushStatus
from orders.models import BranchStore, Company, MenuProductCode
from orders.pages import Text
from providers.registry import ADAPTERS


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to have in place. ``remedy`` says how, for what is not done."""

    is_done: bool
    title: Text
    remedy: Text


def checklists(company: Company, statuses: list[dict[str, Any]]) -> dict[str, list[Check]]:
    """Return the checks of each provider; ``statuses`` are those of ``provider_status``."""
    stores = _providers(BranchStore.objects.filter(branch__company=company))
    codes = _providers(MenuProductCode.objects.filter(company=company))
    told = _providers(OutboundPush.objects.filter(company=company, status=PushStatus.SENT))
    return {
        status["provider"]: _checks(status, status["provider"], stores, codes, told)
        for status in statuses
        if status["provider"] in ADAPTERS
    }


def _providers(rows: Any) -> set[str]:
    return set(rows.order_by().values_list("provider", flat=True).distinct())


def _checks(status: Mapping[str, Any], slug: str, stores: set[str], codes: set[str], told: set[str]) -> list[Check]:
    has_secret = status["credentialSet"] or bool(settings.PROVIDER_FALLBACK_SECRETS.get(slug))
    return [
        Check(
            settings.APP_BASE_URL.startswith("https://"),
            _("Reachable from outside, over TLS"),
            _("Set APP_BASE_URL to the public https address of this installation."),
        ),
        Check(status["enabled"], _("Switched on"), _("Switch it on: until then its requests are refused.")),
        Check(has_secret, _("Credential set"), _("An owner sets it: in the admin, or through the API.")),
        Check(
            has_secret and status["environment"] != "sandbox",
            _("Credential of production"),
            _("It is the provider's sandbox: orders are marked as tests."),
        ),
        Check(
            slug in stores,
            _("Store ids at the branches"),
            _("Add the provider's store ids to the branches, so that each order stands at its own."),
        ),
        Check(
            slug in codes,
            _("Menu matched"),
            _("Add the provider's ids to the products, so that lines are known."),
        ),
        Check(
            status["lastSuccessAt"] is not None,
            _("A delivery was taken"),
            _("Register the address below with the provider or the hub, and have it send a test order."),
        ),
        Check(slug in told, _("A status reached the provider"), _("Accept an order: it is told, and this is done.")),
    ]
