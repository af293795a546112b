"""Whether a company's way to a provider works, step by step: name, TLS, token, call."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from integration import outbound
from integration.addresses import AddressError, check_url, resolve
from integration.models import ProviderToken
from integration.nexara import check_health
from integration.outbound import SendError
from integration.tokens import ProviderAccess, get_token

OK, FAILED, SKIPPED = OUTCOMES = ("ok", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its time in milliseconds (None where it did not run), its outcome, and a sentence."""

    name: str
    outcome: str
    duration_ms: float | None = None
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "outcome": self.outcome,
            "durationMs": self.duration_ms,
            "detail": self.detail or None,
        }


class _StepError(Exception):
    pass


def try_provider(access: ProviderAccess) -> list[Step]:
    """Try each step; what follows one that failed is skipped. Never raises for what a peer does."""
    hosts = list(dict.fromkeys(filter(None, [access.api.hosts.auth, access.api.hosts.api])))
    steps: list[Step] = []
    token = ""

    def ask_for_token() -> str:
        nonlocal token
        if access.missing:
            raise _StepError(f"The credential lacks {', '.join(access.missing)}.")
        row = ProviderToken.objects.filter(company=access.company, provider=access.provider).first()
        known: dict[str, Any] = (row.secrets or {}) if row else {}
        # A fresh one: the test is whether the credential holds now.
        token = get_token(access, stale=str(known.get("token", "")))
        return "The provider gave a token."

    def make_call() -> str:
        request = access.calls.probe(access.api)
        assert request is not None
        sent = outbound.send(access.calls.authorize(request, access.api, token), peer=access.provider)
        status = sent.answer.status
        if status in {401, 403} or status >= 500:
            raise _StepError(f"The provider answered {status}.")
        return f"The provider answered {status}."

    jobs: list[tuple[str, Callable[[], str]]] = [
        ("dns", lambda: "; ".join(look_up(host) for host in hosts)),
        ("tls", lambda: "; ".join(shake_hands(host) for host in hosts)),
        ("token", ask_for_token),
        ("call", make_call),
    ]
    for name, job in jobs:
        if any(step.outcome == FAILED for step in steps):
            steps.append(Step(name, SKIPPED, detail="An earlier step failed."))
        elif name == "call" and access.calls.probe(access.api) is None:
            steps.append(Step(name, SKIPPED, detail="This provider has no harmless call that we know."))
        else:
            steps.append(timed(name, job))
    return steps


def try_hub() -> list[Step]:
    """Try the hub: its health call is all there is to try."""
    health = check_health()
    outcome = FAILED if health.status == "unhealthy" else OK
    return [Step("call", outcome, health.latency_ms, health.error or "NEXARA is healthy.")]


def timed(name: str, job: Callable[[], str]) -> Step:
    """Run a step and return its time, its outcome, and the sentence that it returns or fails with."""
    started = time.perf_counter()
    try:
        outcome, detail = OK, job()
    except (_StepError, AddressError) as error:
        outcome, detail = FAILED, str(error)
    except SendError as error:
        outcome, detail = FAILED, error.message
    except socket.gaierror:
        outcome, detail = FAILED, "The host's name has no address."
    return Step(name, outcome, round((time.perf_counter() - started) * 1000, 3), detail)


def look_up(host: str) -> str:
    """Say how many addresses the host of an address has. Raises AddressError where it must not be called."""
    check_url(host)
    parts = urlsplit(host)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    number = len(resolve(parts.hostname or "", port, scheme=parts.scheme))
    return f"{parts.hostname} has {number} address{'es' if number > 1 else ''}"


def shake_hands(host: str) -> str:
    """Say which version of TLS the host of an address speaks. Raises SendError."""
    parts = urlsplit(host)
    version = outbound.shake_hands(host)
    return f"{parts.hostname} speaks {version}" if version else f"{parts.hostname} takes connections, without TLS"
