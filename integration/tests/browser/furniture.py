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
from datetime import timedelta
from importlib import import_module
import requests
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from integration.alerts import acknowledge_alert, raise_alert
from integration.models import ReconciliationReport, WebhookLog
from orders.business_day import business_date
from orders.models import Company, Membership, Order, Role, User
from orders.times import iso_time
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
day = business_date(company, timezone.now()) - timedelta(days=1)
row = {"source": "careem", "provider": "careem", "state": "compared", "reason": None, "gaps": [], "currency": "JOD",
       "theirCount": 42, "ourCount": 41, "countDifference": -1, "theirSum": "612.750", "ourSum": "600.250",
       "sumDifference": "-12.500"}
noon = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=1)
gap = {"from": iso_time(noon), "to": iso_time(noon + timedelta(hours=2))}
unknown = dict.fromkeys(("theirCount", "countDifference", "theirSum", "sumDifference"))
differs = {"kind": "imported", "provider": "careem", "externalOrderId": shown.external_id, "orderId": str(shown.pk),
           "theirTotal": "12.500", "ourTotal": "12.500", "currency": "JOD", "theirStatus": "delivered",
           "ourStatus": "delivered", "error": None}
lost = differs | {"kind": "missing", "externalOrderId": "9f" * 32, "orderId": None, "ourTotal": None, "ourStatus": None,
                  "error": "The provider answered 404."}
ReconciliationReport.objects.update_or_create(company=company, day=day, defaults={
    "is_different": True, "made_at": timezone.now(), "figures": {
        "day": str(day), "from": iso_time(noon), "to": iso_time(noon), "timeZone": company.time_zone,
        "rows": [row, row | {"source": "talabat", "provider": "talabat", "state": "partly", "gaps": [gap],
                             "reason": "The provider answered 503.", "countDifference": 0, "sumDifference": "0.000"},
                 row | unknown | {"source": "jahez", "provider": "jahez", "state": "not_compared", "currency": "SAR",
                                  "reason": "The provider has no list of orders that we know."}],
        "differences": [differs, lost], "differenceCount": 2, "isCompared": False}})
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
