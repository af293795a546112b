"""Signed bodies grown from the samples by every kind of damage: none answers 5xx, none is lost."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.models import WebhookLog
from integration.tests.factories import SECRETS
from providers.registry import ADAPTERS
from providers.samples import SampleOrder, sample_events

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
"""Per provider and dialect; the whole run sets more."""
pytestmark = pytest.mark.django_db

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


@pytest.mark.parametrize("dialect", ["hub", "native"])
@pytest.mark.parametrize("provider", list(ADAPTERS))
def test_no_damage_answers_5xx_or_loses_a_byte(amman, provider, dialect):
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(data=st.data())
    def check(data):
        body, path, method = data.draw(damaged_bodies(provider, dialect))
        request = amman.sample(provider, dialect=dialect)
        adapter = ADAPTERS[provider]
        scheme = next(
            s
            for s in adapter.schemes
            if s.secret == (adapter.hub_secret if dialect == "hub" else adapter.native_secret)
        )
        secret, now = SECRETS[provider][scheme.secret], timezone.now()
        if provider == "deliveroo" and dialect == "hub":
            proof = scheme.sign_hub(body, secret)
        else:
            proof = scheme.sign(body, secret, now, f"d-{hash(body)}")
        response = amman.post(
            provider, type(request)(body, {"content-type": "application/json", **proof}, path, method)
        )
        assert response.status_code in {200, 202}, (response.status_code, body)
        answer = response.json()
        assert answer["status"] != "queued", body
        if method != "GET":
            assert bytes(WebhookLog.objects.get(pk=answer["eventId"]).body.body) == body

    check()


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_answer_to_noise_is_always_one_of_the_contracts(amman, size):
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(body=st.binary(max_size=size))
    def check(body):
        assert amman.send_payload("careem", body).status_code == 202

    check()
