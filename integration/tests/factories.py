"""A company with everything a test needs, made in one line. People and numbers are invented."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from integration.models import ProviderCredential
from orders.models import ApiToken, Branch, BranchStore, Company, Membership, MenuProduct, MenuProductCode, Role, User
from providers.registry import ADAPTERS
from providers.samples import DEMO_MENU, DemoProduct, Dialect, SampleOrder, build_sample, sign_sample

SECRETS = {
    "careem": {"webhookSecret": "careem-hub-secret-0001", "apiKey": "careem-native-key-0001"},
    "talabat": {
        "apiKey": "talabat-hub-key-0001",
        "jwtSecret": "talabat-native-secret-of-thirty-two-bytes-or-more-0001-000000000001",
    },
    "deliveroo": {"webhookSecret": "deliveroo-secret-0001"},
    "jahez": {"bearerToken": "jahez-bearer-token-0001"},
    "nexara": {"secretKey": "nexara-secret-key-0001"},
}


@dataclasses.dataclass
class Installation:
    """A company, its people and how to send to it."""

    company: Company
    branch: Branch
    owner: User
    manager: User
    staff: User

    def client(self, user: User | None = None) -> Client:
        """Return a browser of a signed-in person, by default the owner."""
        client = Client()
        client.force_login(user or self.owner)
        return client

    def token(self, user: User | None = None) -> str:
        return ApiToken.issue(user=user or self.owner, company=self.company, name="test")[1]

    def sample(self, provider: str, event: str = "created", dialect: Dialect = "hub", **order: Any):
        """Return a signed request of a provider, as the adapters see it."""
        now = order.pop("now", None) or timezone.now()
        store_id = order.pop("store_id", f"{self.company.slug}-{provider}-main")
        built = build_sample(provider, dialect, event, SampleOrder(
            external_id=order.pop("external_id", "1000001"), store_id=store_id, now=now, **order))  # fmt: skip
        return sign_sample(ADAPTERS[provider], dialect, built, SECRETS[provider], now, f"delivery-{uuid.uuid4()}")

    def send(self, provider: str, event: str = "created", dialect: Dialect = "hub", **order: Any):
        """Send a signed sample to the company's own URL; return the response."""
        return self.post(provider, self.sample(provider, event, dialect, **order))

    def post(self, provider: str, request: Any, *, client: Client | None = None):
        """Send a request as built; the path below the company's URL is its own. Many are quicker through one client."""
        url = f"/api/integration/webhook/{provider}/{self.company.id}"
        url = f"{url}/{request.path}" if request.path else url
        headers = {name: value for name, value in request.headers.items() if name != "content-type"}
        # Named once more, because the test client leaves it out for an empty body.
        extra = {"content_type": "application/json", "CONTENT_TYPE": "application/json"}
        return (client or Client()).generic(request.method, url, request.body, headers=headers, **extra)

    def send_payload(self, provider: str, payload: Any, dialect: Dialect = "hub", path: str = "", now: datetime | None = None,
                     delivery_id: str = ""):  # fmt: skip
        """Sign and send any payload: a JSON value, or bytes as they are."""
        from providers.samples import UnsignedSample

        class Raw(UnsignedSample):
            def body(self) -> bytes:
                return payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()

        request = sign_sample(ADAPTERS[provider], dialect, Raw({}, path), SECRETS[provider], now or timezone.now(),
                              delivery_id or f"delivery-{uuid.uuid4()}")  # fmt: skip
        return self.post(provider, request)


def make_installation(
    slug: str = "amman-grill", *, country: str = "JO", currency: str = "JOD", menu: bool = True
) -> Installation:
    """Make a company with a branch, three people, credentials for all providers and the hub, and the demo menu."""
    company = Company.objects.create(name=slug.replace("-", " ").title(), slug=slug, country=country, currency=currency)
    branch = Branch.objects.create(company=company, name="Main", name_ar="الرئيسي", is_default=True)
    # Each kind of row in one statement: thousands of tests begin with this.
    people = {role.value: _person(slug, role) for role in (Role.OWNER, Role.MANAGER, Role.STAFF)}
    User.objects.bulk_create(people.values())
    Membership.objects.bulk_create(Membership(user=user, company=company, role=role) for role, user in people.items())
    ProviderCredential.objects.bulk_create(_credential(company, *each) for each in SECRETS.items())
    BranchStore.objects.bulk_create(
        BranchStore(branch=branch, provider=provider, store_id=f"{slug}-{provider}-main") for provider in ADAPTERS
    )
    if menu:
        products = {product.code: _product(company, product) for product in DEMO_MENU}
        MenuProduct.objects.bulk_create(products.values())
        MenuProductCode.objects.bulk_create(
            MenuProductCode(company=company, product=product, provider=provider, external_id=code)
            for code, product in products.items()
            for provider in ADAPTERS
        )
    return Installation(company=company, branch=branch, **people)


def _person(slug: str, role: Role) -> User:
    user = User(username=f"{slug}-{role.value}", is_staff=role == Role.OWNER)
    user.set_password("correct horse battery")
    return user


def _credential(company: Company, provider: str, fields: dict[str, str]) -> ProviderCredential:
    credential = ProviderCredential(company=company, provider=provider)
    for name, value in fields.items():
        credential.rotate(name, value)
    return credential


def _product(company: Company, known: DemoProduct) -> MenuProduct:
    product = MenuProduct(company=company, name=known.name, name_ar=known.name_ar, price=known.price)
    product.set_keys()
    return product
