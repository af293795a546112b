"""Hub, platform and the played providers in three processes: an order's whole way, and back; and nothing lost when they die."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from benchmarks.faults.servers import free_port
from restaurant_integration.tests.processes import Server, eventually

NATIVE_KEY = "the-key-that-careem-sends"
ACCOUNT = {"clientId": "a-client-at-careem", "clientSecret": "a-secret-at-careem"}
EXAMPLE = {
    "providers": ["careem", "talabat"],
    "credentials": {"careem": {"apiKey": "careem-api-key", "webhookSecret": "careem-webhook-secret"}},
}


class Journey:
    """The three servers, and the restaurant whose orders travel between them."""

    def __init__(self, root: Any) -> None:
        ports = [free_port() for _ in range(3)]
        at = [f"http://localhost:{port}" for port in ports]
        for name in ("platform", "hub"):
            (root / name).mkdir()
        common = {"NEXARA_BASE_URL": at[1], "NEXARA_MAX_RETRIES": "1"}
        self.platform = Server(root / "platform", port=ports[0], starts=False, SANDBOX_ENABLED="false", **common)
        # Two commands in one process: each start of one takes seconds.
        code = (
            "from django.core.management import call_command as call; call('prepare', stdout=open('/dev/null', 'w')); "
            "call('bootstrap_company', '--name', 'Petra Kitchens', '--json')"
        )
        made = json.loads(self.platform.manage("shell", "-v", "0", "-c", code).stdout)
        self.company, self.owner = made["companyId"], {"Authorization": f"Token {made['apiToken']}"}
        self.person = {"username": made["username"], "password": made["password"]}
        # The providers know the same restaurant; that it has an account there, only they and the hub do.
        shutil.copytree(root / "platform", root / "providers")
        self.providers = Server(root / "providers", port=ports[2], starts=False, SANDBOX_VIA_HUB="true", **common)
        self.hub = Server(
            root / "hub", port=ports[1], starts=False, ROLE="hub", OUTBOUND_ALLOWED_ORIGINS=f"{at[0]},{at[2]}"
        )
        self.all = (self.platform, self.hub, self.providers)
        self.operator: dict[str, str] = {}

    def start(self) -> None:
        for server in self.all:
            server.restart()
        for server in self.all:
            server.wait_until_ready()

    def connect(self) -> None:
        """Register the restaurant with the hub, and give the hub its account at Careem."""
        registered = self.platform.call("POST", "/api/integration/register-webhook", EXAMPLE, **self.owner)
        assert registered[0] == 200, registered
        code = (
            "from orders.models import *; print(ApiToken.issue(name='test', user=User.objects.get(), "
            "company=Company.objects.get())[1])"
        )
        key = self.hub.manage("shell", "-v", "0", "-c", code).stdout.split()[-1]
        self.operator = {"Authorization": f"Token {key}"}
        account = {"apiKey": NATIVE_KEY, **ACCOUNT, "baseUrl": f"{self.providers.url}/sandbox/careem"}
        path = "/api/integration/credentials/careem"
        assert self.providers.call("POST", path, account, **self.owner)[0] == 200
        assert self.hub.call("POST", path, account, **self.operator)[0] == 200

    def place(self, *, speed: int = 1) -> dict[str, Any]:
        """Place an order at Careem; its deadline is ten minutes away at speed 1."""
        status, order = self.providers.call("POST", "/sandbox/careem/orders", {"speed": speed}, **self.owner)
        assert status == 201, order
        return order

    def order_at(self, server: Server, order: dict[str, Any]) -> dict[str, Any] | None:
        person = self.operator if server is self.hub else self.owner
        status, body = server.call("GET", f"/api/orders/{order['orderId']}", **person)
        return body if status == 200 else None

    def has_status(self, server: Server, order: dict[str, Any], wanted: str) -> bool:
        found = self.order_at(server, order)
        return found is not None and found["status"] == wanted

    def hub_logs(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        return self._rows(self.hub, "/api/webhooks/logs", order, self.operator)

    def forwarded(self, order: dict[str, Any]) -> list[str]:
        """Return what became of the forwards of an order's creation."""
        created = (row for row in self.hub_logs(order) if row["eventType"] == "order.created")
        return [forward["status"] for row in created for forward in row["forwards"]]

    def platform_logs(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        return self._rows(self.platform, "/api/integration/logs", order, self.owner)

    def answers(self, order: dict[str, Any]) -> list[tuple[str, int]]:
        """Return what Careem was called about an order: the state that it was told, and its answer."""
        calls = self._rows(self.providers, "/sandbox/careem/calls", order, self.owner)
        return [(call["body"].get("state", ""), call["answerStatus"]) for call in reversed(calls)]

    def accept(self, order: dict[str, Any]) -> None:
        """Accept an order as the staff does."""
        path = f"/api/orders/{order['orderId']}/status"
        status, body = self.platform.call("POST", path, {"status": "confirmed"}, **self.owner)
        assert status == 200, body

    def alerts(self, cause: str) -> list[dict[str, Any]]:
        """Return what the restaurant's alerts of a cause say."""
        rows = self.platform.call("GET", "/api/integration/alerts", **self.owner)[1]["results"]
        return [row for row in rows if row["cause"] == cause]

    def screen(self) -> str:
        """Return the page that the staff looks at."""
        browser = requests.Session()
        browser.trust_env = False
        sign_in = f"{self.platform.url}/sign-in/"
        browser.get(sign_in, timeout=20)
        token = browser.cookies["csrftoken"]
        browser.post(sign_in, {**self.person, "csrfmiddlewaretoken": token}, headers={"Referer": sign_in}, timeout=20)
        page = browser.get(f"{self.platform.url}/", timeout=20)
        assert page.url == f"{self.platform.url}/", page.url
        return page.text

    def _rows(self, server: Server, path: str, order: dict[str, Any], person: dict[str, str]) -> list[dict[str, Any]]:
        status, body = server.call("GET", f"{path}?externalOrderId={order['externalOrderId']}", **person)
        assert status == 200, body
        return body["results"]


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> Iterator[Journey]:
    made = Journey(tmp_path_factory.mktemp("journey"))
    made.start()
    try:
        made.connect()
        yield made
    finally:
        for server in made.all:
            if server.process.poll() is None:
                server.kill()


def test_the_example_registers_both_and_an_order_signed_with_its_secret_is_taken(journey):
    body = json.dumps({"event_type": "order.created", "order": {
        "id": "HUB-EXAMPLE-1", "total_amount": "3.000", "items": [{"name": "Mansaf", "quantity": 1, "price": "3.000"}],
    }}).encode()  # fmt: skip
    config = journey.hub.call("GET", f"/api/webhooks/config/{journey.company}", **journey.operator)[1]["data"]
    assert [(row["provider"], row["url"], row["status"]) for row in config["subscriptions"]] == [
        (provider, f"{journey.platform.url}/api/integration/webhook", "active") for provider in ("careem", "talabat")
    ]
    stored = journey.platform.call("GET", "/api/integration/credentials/careem", **journey.owner)[1]["data"]
    assert (stored["apiKey"], stored["webhookSecret"]) == ("••••-key", "••••cret")
    signature = hmac.new(b"careem-webhook-secret", body, hashlib.sha256).hexdigest()
    path = f"/api/integration/webhook/careem/{journey.company}"
    status, answer = journey.platform.call("POST", path, body, X_Careem_Signature=signature)
    assert (status, answer["status"], answer["externalOrderId"]) == (200, "processed", "HUB-EXAMPLE-1")


def test_an_order_travels_to_the_screen_and_the_answer_back(journey):
    order = journey.place()
    eventually(lambda: journey.order_at(journey.platform, order))
    assert order["orderId"] in journey.screen()
    journey.accept(order)
    eventually(lambda: journey.has_status(journey.hub, order, "confirmed"))
    assert eventually(lambda: journey.answers(order)) == [("accepted", 200)]
    created = eventually(lambda: [row for row in journey.platform_logs(order) if row["eventType"] == "order.created"])
    assert [(row["status"], row["isEnvelope"]) for row in created] == [("processed", True)]
    eventually(lambda: journey.forwarded(order) == ["sent"])
    came = [row for row in journey.hub_logs(order) if row["eventType"] in {"order.created", "order.sync"}]
    assert [(row["eventType"], row["status"], [forward["status"] for forward in row["forwards"]]) for row in came] == [
        ("order.sync", "processed", []),
        ("order.created", "processed", ["sent"]),
    ]


def test_a_key_is_rotated_while_orders_travel(journey):
    new = {"secretKey": "a-key-of-the-restaurants-own-making"}
    assert journey.platform.call("POST", "/api/integration/credentials/nexara", new, **journey.owner)[0] == 200
    between = journey.place()
    eventually(lambda: journey.order_at(journey.platform, between))
    journey.accept(between)
    eventually(lambda: journey.has_status(journey.hub, between, "confirmed"))
    registered = journey.platform.call("POST", "/api/integration/register-webhook", EXAMPLE, **journey.owner)
    assert (registered[0], registered[1]["data"]["failed"]) == (200, [])
    after = journey.place()
    eventually(lambda: journey.order_at(journey.platform, after))
    config = journey.hub.call("GET", f"/api/webhooks/config/{journey.company}", **journey.operator)[1]["data"]
    assert {row["secretKey"] for row in config["subscriptions"]} == {"••••king"}


def test_nothing_is_lost_or_doubled_when_each_is_killed_in_the_middle(journey):
    journey.platform.kill()
    order = journey.place()
    # The hub has it, and its platform is away.
    eventually(lambda: [row for row in journey.hub_logs(order) if has_failed_forward(row)])
    journey.hub.kill()
    journey.hub.restart()
    journey.platform.restart()
    journey.platform.wait_until_ready()
    eventually(lambda: journey.order_at(journey.platform, order))
    assert order["orderId"] in journey.screen()

    journey.hub.wait_until_ready()
    # Killed before it has noted this, the hub would send it once more: a duplicate, which is another story.
    eventually(lambda: journey.forwarded(order) == ["sent"])
    journey.hub.kill()
    journey.accept(order)
    # The answer waits for the hub, because the restaurant has no account of its own.
    eventually(lambda: journey.alerts("hub_unreachable"))
    journey.platform.kill()
    journey.platform.restart()
    journey.hub.restart()
    journey.platform.wait_until_ready()
    journey.hub.wait_until_ready()
    assert eventually(lambda: journey.answers(order)) == [("accepted", 200)]
    eventually(lambda: journey.has_status(journey.hub, order, "confirmed"))

    listed = journey.platform.call("GET", f"/api/orders?externalOrderId={order['externalOrderId']}", **journey.owner)
    assert [(row["id"], row["status"]) for row in listed[1]["results"]] == [(order["orderId"], "confirmed")]
    created = [row for row in journey.platform_logs(order) if row["eventType"] == "order.created"]
    assert [(row["status"], row["duplicates"]) for row in created] == [("processed", 0)]
    came = [row for row in journey.hub_logs(order) if row["eventType"] in {"order.created", "order.sync"}]
    assert [(row["eventType"], row["status"], row["duplicates"]) for row in came] == [
        ("order.sync", "processed", 0),
        ("order.created", "processed", 0),
    ]
    assert [(forward["status"], forward["attempts"] > 1) for forward in came[1]["forwards"]] == [("sent", True)]


def has_failed_forward(row: dict[str, Any]) -> bool:
    return any(forward["status"] == "failed" for forward in row["forwards"])
