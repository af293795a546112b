"""A restaurant for the pages to show: orders in every status, alerts, deliveries that wait, people of each role."""

from __future__ import annotations

import json
from dataclasses import dataclass

from integration.tests.browser.server import Server
from orders.models import Role

MAKE = """
import json
import time
import uuid
from importlib import import_module
import requests
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from integration.alerts import acknowledge_alert, raise_alert
from integration.models import WebhookLog
from orders.models import Company, Membership, Order, Role, User
from orders.security.sessions import SEEN, STARTED
from orders.services import change_status
from integration.trial import sample_requests
from django.utils import timezone
from providers.events import Status
from providers.registry import ADAPTERS

company = Company.objects.get(slug="demo")
sessions = {}
for role in Role:
    name = {"first_name": "Rania", "last_name": role.value.title()}
    user, _ = User.objects.get_or_create(username=f"look-{role.value}", defaults=name)
    Membership.objects.get_or_create(user=user, company=company, defaults={"role": role})
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store[STARTED] = store[SEEN] = int(time.time())
    store.save()
    sessions[role.value] = store.session_key
mine = Order.objects.filter(company=company)
steps = (Status.CONFIRMED, Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY)
for reached, order in enumerate(mine.filter(status="received").order_by("created_at")[:5]):
    for status in steps[:reached]:
        change_status(order, status, user=None)
raise_alert(company, "push_no_credential", "careem is told nothing: the credential lacks clientSecret.", subject="careem")
acknowledge_alert(raise_alert(company, "provider_unreachable", "talabat cannot be reached.", subject="talabat"), None)
token = company.credentials.get(provider="jahez").value("bearerToken")
known = sample_requests(company, ADAPTERS["jahez"], "native", "created", timezone.now())[0].body
# One that cannot be used, and one with an item that the menu does not know.
for body in (b'{"event": "order_created"}', known.replace(b'"HUMMUS"', b'"HUMMUS-XL"')):
    requests.post(
        f"{settings.APP_BASE_URL}/api/integration/webhook/jahez/{company.id}", body, timeout=10,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", "X-Request-Id": str(uuid.uuid4())},
    )
shown = mine.order_by("-needs_attention", "created_at").first()
# What a phone must not be pushed wide by.
mine.filter(pk=shown.pk).update(customer_name="Wolfeschlegelsteinhausenbergerdorff" * 2, notes="Ring-twice-" * 12)
waiting = WebhookLog.objects.filter(company=company, status="quarantined").first()
print(json.dumps({
    "sessions": sessions,
    "order": str(shown.pk),
    "event": str(waiting.pk),
    "product": str(company.menu_products.order_by("name").first().pk),
    "member": str(company.memberships.get(user__username="look-manager").pk),
}))
"""


@dataclass(frozen=True, slots=True)
class Furniture:
    """``rows``: ids by what the pages ask for; ``sessions``: the session's key of a person of each role."""

    rows: dict[str, str]
    sessions: dict[Role, str]


def furnish(server: Server) -> Furniture:
    """Send every sample that there is, and move orders on; safe to call again."""
    server.manage("send_sample", "all", "--event", "created", "--dialect", "native")
    server.manage("send_sample", "all", "--event", "created", "--dialect", "hub")
    made = json.loads(server.shell(MAKE).splitlines()[-1])
    sessions = {Role(name): key for name, key in made.pop("sessions").items()}
    return Furniture(made, sessions)
