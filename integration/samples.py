"""Sending signed samples to a running server, as a provider would."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
import uuid
from dataclasses import dataclass

import requests
from django.utils import timezone

from integration.companies import webhook_address
from integration.hub import is_hub
from integration.models import ProviderCredential
from orders.models import BranchStore, Company
from providers.base import InboundRequest
from providers.events import Kind
from providers.payload import PayloadError
from providers.registry import get_adapter
from providers.samples import (
    Dialect,
    SampleOrder,
    UnknownSampleError,
    UnsignedSample,
    build_sample,
    sample_events,
    sign_sample,
)

TIMEOUT_S = 15


class SampleSetupError(Exception):
    """This sample cannot be made or signed; the message says what to do."""


class NobodyAnswersError(Exception):
    """There is no server at the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request."""

    provider: str
    event: str
    external_id: str
    status: int
    said: str
    order_id: str
    elapsed_ms: float

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300

    def line(self) -> str:
        order = f"order {self.order_id}" if self.order_id else "no order"
        return (
            f"{self.provider:<10} {self.event:<18} {self.status} {self.said:<12} {self.external_id:<14} {order}"
            f"  {self.elapsed_ms:.0f} ms"
        )


class SampleSender:
    """Signs samples of one provider and dialect with a company's stored credential, and sends them. Safe between threads.

    ``ca`` names a file of authorities to trust instead of the usual ones.
    """

    def __init__(self, company: Company, provider: str, dialect: Dialect, base_url: str, *, ca: str = "") -> None:
        self.provider, self.dialect = provider, dialect
        self.adapter = get_adapter(provider)
        self.url = webhook_address(base_url, provider, company.id, at_hub=is_hub())
        credential = ProviderCredential.objects.filter(company=company, provider=provider).first()
        wanted = self.adapter.hub_secret if dialect == "hub" else self.adapter.native_secret
        value = credential.value(wanted) if credential else ""
        if not value:
            raise SampleSetupError(
                f"{company.slug} has no {wanted} for {provider}, with which the {dialect} dialect is signed. Set one in the "
                "admin or through the API; the demo company has them all (`python manage.py seed_demo`)."
            )
        self.secrets = {wanted: value}
        store = BranchStore.objects.filter(branch__company=company, provider=provider).order_by("pk").first()
        self.store_id = store.store_id if store else f"{company.slug}-{provider}"
        self._sessions = threading.local()
        self._ca = ca

    def events(self, name: str) -> list[str]:
        """Return the events to send for a name, ``all`` for every one; raise SampleSetupError for an unknown one."""
        known = list(sample_events(self.provider, self.dialect))
        if name == "all":
            return known
        if name.removeprefix("order.").removeprefix("order_") not in known:
            raise SampleSetupError(
                f"{self.provider} sends no {name!r} in the {self.dialect} dialect; it sends: {', '.join(known)}."
            )
        return [name.removeprefix("order.").removeprefix("order_")]

    def send(self, event: str, number: int = 1) -> list[Answer]:
        """Send one sample, and before it the order that it is about; return the answers. Raises NobodyAnswersError."""
        order = SampleOrder(
            external_id=f"{time.time_ns() // 1_000_000_000}{secrets.randbelow(10**5):05}",
            store_id=self.store_id,
            now=timezone.now(),
            number=number,
        )
        answers: list[Answer] = []
        if self._needs_an_order(event, order):
            answers.append(self._post("created", order))
            order = dataclasses.replace(order, order_ref=answers[0].order_id, now=timezone.now())
        answers.append(self._post(event, order))
        return answers

    def _needs_an_order(self, event: str, order: SampleOrder) -> bool:
        sample = self._build(event, dataclasses.replace(order, order_ref=str(uuid.UUID(int=0))))
        request = InboundRequest(body=sample.body(), headers=sample.headers, path=sample.path, method=sample.method)
        try:
            return any(found.kind not in {Kind.CREATED, Kind.IGNORED} for found in self.adapter.parse(request))
        except PayloadError:
            return True

    def _build(self, event: str, order: SampleOrder) -> UnsignedSample:
        try:
            return build_sample(self.provider, self.dialect, event, order)
        except UnknownSampleError as error:
            raise SampleSetupError(str(error)) from None

    def _post(self, event: str, order: SampleOrder) -> Answer:
        signed = sign_sample(
            self.adapter,
            self.dialect,
            self._build(event, order),
            self.secrets,
            timezone.now(),
            f"sample-{uuid.uuid4()}",
        )
        url = f"{self.url}/{signed.path}" if signed.path else self.url
        started = time.perf_counter()
        try:
            response = self._session().request(
                signed.method,
                url,
                data=signed.body,
                headers=dict(signed.headers),
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NobodyAnswersError(type(error).__name__) from None
        elapsed_ms = (time.perf_counter() - started) * 1000
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {}
        said = str(body.get("status") or body.get("error") or "no JSON")
        return Answer(
            self.provider,
            event,
            order.external_id,
            response.status_code,
            said,
            str(body.get("orderId") or ""),
            elapsed_ms,
        )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            # A sample goes where the command says, not through a proxy of the environment.
            session.trust_env = False
            session.verify = self._ca or True
        return session
