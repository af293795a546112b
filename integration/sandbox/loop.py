"""The played providers' own time: a loop that moves orders on and sends what is owed, with each provider's retries.

Everything it knows is in the database, and each piece of work is claimed by compare-and-set: two loops share it, and a
restart takes it up again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

from integration.companies import webhook_address
from integration.models import ProviderCredential, SandboxCall, SandboxDelivery, SandboxOrder
from integration.sandbox import orders
from integration.sandbox.payloads import StoredSample
from providers.registry import get_adapter
from providers.samples import Dialect, sign_sample

logger = logging.getLogger(__name__)

INTERVAL_S = 0.25
IDLE_INTERVAL_S = 1.0
BATCH = 100
WORKERS = 6
TIMEOUT_S = (3.05, 10.0)
LEASE_S = 30.0
KEEP = timedelta(days=7)
PRUNE_EVERY = timedelta(hours=1)

RETRIES_S = {
    "careem": (30, 60, 120, 240),
    "talabat": (30, 60, 120, 240, 240, 240, 240, 240, 240, 240),
    "deliveroo": (10, 20, 40, 80, 160),
    "jahez": (60, 60, 60),
}
"""Sandbox seconds before each retry. Careem's pauses and all of Jahez's are not published, these are ours."""


def is_final(provider: str, status: int) -> bool:
    """Tell whether a provider is done with a delivery that got this answer; 0 means none."""
    if provider == "deliveroo":
        return status == 200
    if provider == "talabat":
        # Only 429, 5xx and its own timeout are tried again.
        return status != 0 and status != 429 and status < 500
    return 200 <= status < 300


class SandboxLoop:
    """Moves the sandbox on. ``base_url`` is where our webhooks are; ``workers`` 0 works on the caller's thread."""

    def __init__(self, base_url: str = "", *, workers: int = WORKERS) -> None:
        self.base_url = (base_url or settings.APP_BASE_URL).rstrip("/")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-send") if workers else None
        self._sessions = threading.local()
        self._pruned_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. An error is logged and the loop goes on."""
        while not stop.is_set():
            done = 0
            try:
                close_old_connections()
                done = self.tick()
                self._prune(timezone.now())
            except Exception as error:
                logger.error("The sandbox stumbled and goes on: %s", type(error).__name__, exc_info=error)
            finally:
                connections.close_all()
            stop.wait(INTERVAL_S if done or self._anything_soon() else IDLE_INTERVAL_S)
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _anything_soon(self) -> bool:
        soon = timezone.now() + timedelta(seconds=IDLE_INTERVAL_S)
        try:
            return SandboxOrder.objects.filter(next_at__lte=soon).exists()
        except Exception:
            return False
        finally:
            connections.close_all()

    def tick(self) -> int:
        """Do what is due now; return how many orders were moved and deliveries sent."""
        now = timezone.now()
        moved = list(SandboxOrder.objects.filter(next_at__lte=now).order_by("next_at")[:BATCH])
        for order in moved:
            try:
                orders.advance(order, now)
            except orders.StaleError:
                continue  # a call of ours or another loop was here first
            except Exception as error:
                # Put aside for a while, so that it does not keep the others waiting.
                logger.error("The sandbox's order %s failed: %s", order.pk, type(error).__name__, exc_info=error)
                SandboxOrder.objects.filter(pk=order.pk).update(next_at=now + timedelta(seconds=LEASE_S))
        due = SandboxDelivery.objects.filter(status=SandboxDelivery.Status.WAITING, due_at__lte=now)
        claimed = [row for row in due.select_related("order")[:BATCH] if self._claim(row, now)]
        self._each(claimed)
        return len(moved) + len(claimed)

    def _each(self, rows: list[SandboxDelivery]) -> None:
        if self._pool is None:
            for row in rows:
                self.send(row)
            return
        futures: list[Future[None]] = [self._pool.submit(_with_connections, self.send, row) for row in rows]
        wait(futures, timeout=LEASE_S)

    @staticmethod
    def _claim(row: SandboxDelivery, now: datetime) -> bool:
        taken = SandboxDelivery.objects.filter(pk=row.pk, status=row.status, due_at=row.due_at).update(
            due_at=now + timedelta(seconds=LEASE_S), attempts=row.attempts + 1
        )
        row.attempts += 1
        return bool(taken)

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, row: SandboxDelivery) -> None:
        """Sign a claimed delivery and send it; write how it went and, where it went badly, when the next try is."""
        order = row.order
        status, order_ref = self._post(row, order)
        pauses = RETRIES_S[order.provider]
        changes: dict[str, object] = {"answer_status": status or None}
        if is_final(order.provider, status):
            accepted = 200 <= status < 300
            changes["status"] = SandboxDelivery.Status.DELIVERED if accepted else SandboxDelivery.Status.GIVEN_UP
        elif row.attempts > len(pauses):
            changes["status"] = SandboxDelivery.Status.GIVEN_UP
        else:
            changes["due_at"] = timezone.now() + timedelta(seconds=pauses[row.attempts - 1] / order.speed)
        SandboxDelivery.objects.filter(pk=row.pk).update(**changes)
        if order_ref and not order.order_ref:
            SandboxOrder.objects.filter(pk=order.pk, order_ref="").update(order_ref=order_ref)

    def _post(self, row: SandboxDelivery, order: SandboxOrder) -> tuple[int, str]:
        """Return the answer's status, 0 for none, and our id of the order where the answer names it."""
        adapter = get_adapter(order.provider)
        dialect: Dialect = "hub" if order.dialect == "hub" else "native"
        wanted = adapter.hub_secret if dialect == "hub" else adapter.native_secret
        credential = ProviderCredential.objects.filter(company_id=order.company_id, provider=order.provider).first()
        if credential is None or not credential.value(wanted):
            return 0, ""
        sample = StoredSample(None, row.path, row.method, row.headers, text=row.body)
        signed = sign_sample(
            adapter, dialect, sample, {wanted: credential.value(wanted)}, timezone.now(), row.delivery_id
        )
        via_hub = settings.SANDBOX_VIA_HUB
        base_url = settings.NEXARA_BASE_URL if via_hub else self.base_url
        url = webhook_address(base_url, order.provider, order.company_id, at_hub=via_hub)
        try:
            response = self._session().request(
                signed.method,
                f"{url}/{signed.path}" if signed.path else url,
                data=signed.body,
                headers=dict(signed.headers),
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
            body = response.json()
        except requests.JSONDecodeError:
            return response.status_code, ""
        except requests.RequestException:
            return 0, ""
        remote = body.get("remoteResponse") if isinstance(body, dict) else None
        order_ref = remote.get("remoteOrderId") if isinstance(remote, dict) else None
        return response.status_code, str(order_ref or "")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            # To our own address, not through a proxy of the environment.
            session.trust_env = False
        return session

    # -- keeping it small ----------------------------------------------------------------------------------------------

    def _prune(self, now: datetime) -> None:
        if self._pruned_at and now - self._pruned_at < PRUNE_EVERY:
            return
        self._pruned_at = now
        SandboxCall.objects.filter(received_at__lt=now - KEEP).delete()
        SandboxOrder.objects.filter(placed_at__lt=now - KEEP).delete()


def _with_connections(work: Callable[[SandboxDelivery], None], row: SandboxDelivery) -> None:
    """Work on a thread of the pool, and leave no connection open there."""
    try:
        work(row)
    except Exception as error:
        # The lease runs out, and the delivery is tried again.
        logger.error("A sandbox delivery failed: %s", type(error).__name__)
    finally:
        connections.close_all()
