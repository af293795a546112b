"""Signed bodies grown from the samples by every kind of damage: none answers 5xx, none is lost."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.models import WebhookBody
from integration.tests.factories import SECRETS
from integration.tests.processor import quickest
from providers.base import InboundRequest
from providers.registry import ADAPTERS
from providers.samples import SampleOrder, sample_events

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
"""Per provider and dialect; the whole run (`make fuzz`) sets more."""
SLOWEST_CPU_S, TRIES = 1.0, 3
"""A usual answer takes a hundredth of it; what is slow because of its bytes is slow at each try."""
pytestmark = [pytest.mark.django_db, pytest.mark.repeats]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "\x00", "\ud800", "1e400", "0", "-1", "9999999999999", "١٢", "=1+1", "a" * 600, "<script>"]),
    st.text(max_size=30),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, prefix: tuple = ()) -> list[tuple]:
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    else:
        return [prefix]
    return [prefix, *(path for key, child in children for path in paths(child, (*prefix, key)))]


@st.composite
def damaged_bodies(draw, provider: str, dialect: str) -> tuple[bytes, str, str]:
    """Return a sample's body with some of its values replaced, removed or doubled, or with its bytes cut or flipped."""
    events = sample_events(provider, dialect)
    builder = events[draw(st.sampled_from(sorted(events)))]
    external_id = draw(st.sampled_from(["1000001", "1000002"]))
    order = SampleOrder(
        external_id=external_id, store_id="s", now=timezone.now(), order_ref="0f0e0d0c-0000-4000-8000-00000000000a"
    )
    sample = builder(order)
    payload = copy.deepcopy(dict(sample.payload or {}))
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.sampled_from(paths(payload)))
        if not path:
            continue
        holder: Any = payload
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "remove", "grow"]))
        if action == "remove":
            del holder[path[-1]]
        elif action == "grow" and isinstance(holder, list):
            holder.extend([holder[path[-1]]] * draw(st.integers(1, 40)))
        else:
            holder[path[-1]] = draw(values)
    body = json.dumps(payload, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    damage = draw(st.sampled_from(["none", "none", "none", "cut", "flip", "double"]))
    if damage == "cut":
        body = body[: draw(st.integers(0, len(body)))]
    elif damage == "flip" and body:
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]
    elif damage == "double":
        body = body + body
    return body, sample.path, sample.method


def scheme_of(provider: str, dialect: str) -> Any:
    adapter = ADAPTERS[provider]
    secret = adapter.hub_secret if dialect == "hub" else adapter.native_secret
    return next(scheme for scheme in adapter.schemes if scheme.secret == secret)


def proof_of(provider: str, dialect: str, scheme: Any, body: bytes, delivery_id: str) -> dict[str, str]:
    secret = SECRETS[provider][scheme.secret]
    if provider == "deliveroo" and dialect == "hub":
        return scheme.sign_hub(body, secret)
    return scheme.sign(body, secret, timezone.now(), delivery_id)


def quickly(send: Callable[[str], Any], delivery_id: str) -> Any:
    """Return the answer to what ``send`` sends; fail where each try, a delivery of its own, takes too much of the processor."""
    spent, answer = quickest(lambda number: send(f"{delivery_id}-{number}"), SLOWEST_CPU_S, TRIES)
    assert spent < SLOWEST_CPU_S
    return answer


def stored_bytes(answer: dict[str, Any]) -> bytes:
    return bytes(WebhookBody.objects.values_list("body", flat=True).get(log=answer["eventId"]))


@pytest.fixture(autouse=True)
def _no_rate_limit(settings):
    """Answer all of them: how many come in ten seconds depends on the machine alone, and a quick one reaches the limit."""
    settings.WEBHOOK_RATE_LIMIT = "off"


def unchanging(examples: int) -> Any:
    """Return settings that make the same examples each time."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@pytest.mark.parametrize("dialect", ["hub", "native"])
@pytest.mark.parametrize("provider", list(ADAPTERS))
def test_no_damage_answers_5xx_or_loses_a_byte(amman, provider, dialect):
    scheme, client = scheme_of(provider, dialect), Client()
    sent = 0

    @unchanging(EXAMPLES)
    @given(damaged=damaged_bodies(provider, dialect))
    def check(damaged):
        nonlocal sent
        body, path, method = damaged
        sent += 1

        def send(delivery_id):
            proof = proof_of(provider, dialect, scheme, body, delivery_id)
            return amman.post(
                provider,
                InboundRequest(body, {"content-type": "application/json", **proof}, path, method),
                client=client,
            )

        response = quickly(send, f"d-{hashlib.sha256(body).hexdigest()}")
        assert response.status_code in {200, 202}, (response.status_code, body)
        answer = response.json()
        assert answer["status"] != "queued", body
        if method != "GET":
            assert stored_bytes(answer) == body

    check()
    assert sent >= EXAMPLES


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_answer_to_noise_is_always_one_of_the_contracts(amman, size):
    @unchanging(min(EXAMPLES, 500))
    @given(body=st.binary(max_size=size))
    def check(body):
        response = quickly(
            lambda delivery_id: amman.send_payload("careem", body, delivery_id=delivery_id),
            hashlib.sha256(body).hexdigest(),
        )
        assert response.status_code == 202
        assert stored_bytes(response.json()) == body

    check()
