"""What works and what does not: every dependency and every company's credentials."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from integration.addresses import AddressError
from integration.broker import app
from integration.claims import WAITING
from integration.health import pending_migrations, redis_state
from integration.models import IntegrationWebhook, ProviderCredential, WebhookLog
from integration.own_certificate import certificate_end
from orders.models import Company
from providers.registry import ADAPTERS

OVERDUE = timedelta(minutes=1)
"""A due delivery is taken within seconds: one that waits longer means that nobody sweeps."""
SOON = timedelta(days=14)
LEAST_FREE_BYTES = 500 * 1024 * 1024
BROKER_TIMEOUT_S = 2


class State(Enum):
    OK = "ok"
    NOTE = "note"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis. ``says`` names what to do where something is wrong."""

    state: State
    subject: str
    says: str


def diagnose(company: Callable[[], Company | None]) -> Iterator[Finding]:
    """Yield a finding per dependency, then one per company and provider; of the named company only, where there is one."""
    yield _redis()
    yield _broker()
    yield _disk()
    yield _certificate()
    database = _database()
    yield database
    if database.state is State.FAIL:
        return
    yield _migrations()
    encryption = _encryption()
    yield encryption
    yield _sweeper()
    if encryption.state is State.FAIL:
        return
    only = company()
    for each in [only] if only else Company.objects.order_by("slug"):
        yield from _credentials(each)


def _database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return Finding(
            State.FAIL, "database", f"does not answer ({type(error).__name__}): check DATABASE_URL and the server"
        )
    return Finding(State.OK, "database", connection.vendor)


def _migrations() -> Finding:
    try:
        pending = pending_migrations()
    except Error as error:
        return Finding(State.FAIL, "migrations", f"cannot be read ({type(error).__name__})")
    if pending:
        return Finding(State.FAIL, "migrations", f"pending: {', '.join(pending[:5])}: run `python manage.py prepare`")
    return Finding(State.OK, "migrations", "none pending")


def _redis() -> Finding:
    state = redis_state()
    if state == "none":
        return Finding(State.OK, "redis", "none configured: sockets and counters work within one process")
    if state == "down":
        return Finding(State.FAIL, "redis", "does not answer: orders are still taken; check REDIS_URL and the server")
    return Finding(State.OK, "redis", "answers")


def _broker() -> Finding:
    if app.conf.broker_url.startswith("memory:"):
        return Finding(State.OK, "broker", "in memory: the worker lives in the server's process")
    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=BROKER_TIMEOUT_S)
    except Exception as error:
        return Finding(
            State.FAIL, "broker", f"takes no tasks ({type(error).__name__}): the sweeper works alone until it does"
        )
    return Finding(State.OK, "broker", "takes tasks")


def _disk() -> Finding:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.DATA_DIR).free
    state = State.OK if free >= LEAST_FREE_BYTES else State.FAIL
    return Finding(state, "disk", f"{free / 1024**3:.1f} GiB free under DATA_DIR")


def _certificate() -> Finding:
    """Look at our own address as others do: the certificate's chain, its host and its end."""
    address = urlsplit(settings.APP_BASE_URL)
    host, subject = address.hostname or "", "certificate"
    if address.scheme != "https":
        return Finding(State.OK, subject, "none: APP_BASE_URL is http")
    try:
        ends_at = certificate_end(host, address.port or 443)
    except AddressError:
        says = f"not looked at: {host} is not public; OUTBOUND_ALLOWED_ORIGINS={address.scheme}://{address.netloc} allows it"
        return Finding(State.NOTE, subject, says)
    except ssl.SSLCertVerificationError as error:
        return Finding(State.FAIL, subject, f"of {host} is refused by those who call: {error.verify_message}")
    except OSError as error:
        return Finding(State.NOTE, subject, f"of {host} cannot be seen from here ({type(error).__name__})")
    if ends_at <= timezone.now() + SOON:
        return Finding(State.NOTE, subject, f"of {host} ends on {ends_at:%Y-%m-%d}: renew it, and see why nothing did")
    return Finding(State.OK, subject, f"of {host} holds until {ends_at:%Y-%m-%d}")


def _encryption() -> Finding:
    try:
        count = sum(1 for _ in ProviderCredential.objects.iterator())
        count += sum(1 for _ in IntegrationWebhook.objects.iterator())
    except InvalidToken:
        return Finding(
            State.FAIL,
            "encryption key",
            "does not open every credential: put the key that wrote them into CREDENTIAL_ENCRYPTION_KEY",
        )
    return Finding(State.OK, "encryption key", f"opens {count} stored credentials")


def _sweeper() -> Finding:
    late = WebhookLog.objects.filter(status__in=WAITING, next_attempt_at__lt=timezone.now() - OVERDUE).count()
    if late:
        says = f"{late} deliveries are overdue: see that `make run` or `manage.py run_sweeper` runs"
        return Finding(State.FAIL, "sweeper", says)
    return Finding(State.OK, "sweeper", "nothing is overdue")


def _credentials(company: Company) -> Iterator[Finding]:
    stored = {row.provider: row for row in ProviderCredential.objects.filter(company=company)}
    now = timezone.now()
    for slug in ADAPTERS:
        subject, row = f"{company.slug}: {slug}", stored.get(slug)
        if not settings.PROVIDER_ENABLED[slug] or (row is not None and not row.is_enabled):
            yield Finding(State.NOTE, subject, "switched off: its requests are refused")
        elif row is None or not row.is_set:
            fallback = bool(settings.PROVIDER_FALLBACK_SECRETS.get(slug))
            says = f"no credential: {'the installation stands in' if fallback else 'its requests are refused'}"
            yield Finding(State.NOTE, subject, says)
        elif row.expires_at and row.expires_at <= now:
            yield Finding(State.FAIL, subject, f"the credential expired on {row.expires_at:%Y-%m-%d}: rotate it")
        elif row.expires_at and row.expires_at <= now + SOON:
            yield Finding(State.NOTE, subject, f"the credential expires on {row.expires_at:%Y-%m-%d}")
        else:
            yield Finding(State.OK, subject, f"set: {', '.join(row.masked())}")
