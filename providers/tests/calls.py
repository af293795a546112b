"""Orders as an adapter's calls see them, for the tests of the calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from providers.outbound import Api, Call, Judgement, NotSent, OrderView, OutboundAnswer, ProviderCalls

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


def view(provider: str, action: str, **fields: Any) -> OrderView:
    fields = {"external_id": "10000001", "occurred_at": NOW, "now": NOW, **fields}
    return OrderView(order_id="our-id", provider=provider, action=action, **fields)


def api(calls: ProviderCalls, **kwargs: Any) -> Api:
    secrets = {name: f"the-{name}" for name in calls.secret_fields}
    return Api(calls.hosts(**{"is_sandbox": False, **kwargs}), secrets)


def built(calls: ProviderCalls, order: OrderView, **kwargs: Any) -> list[tuple[str, str, Any]]:
    """Return method, address and JSON of each request."""
    call = calls.build(order, api(calls, **kwargs))
    assert isinstance(call, Call), call
    return [(r.method, r.url, json.loads(r.body) if r.body else None) for r in call.requests]


def reason(calls: ProviderCalls, order: OrderView, **kwargs: Any) -> str:
    """Return why a status is not sent."""
    call = calls.build(order, api(calls, **kwargs))
    assert isinstance(call, NotSent), call
    return call.reason


def judged(calls: ProviderCalls, order: OrderView, status: int, document: Any = None, **kwargs: Any) -> Judgement:
    body = b"" if document is None else json.dumps(document).encode()
    answer = OutboundAnswer(status=status, body=body, headers=kwargs.pop("headers", {}))
    return calls.judge(order, answer, **{"attempt": 1, "age_s": 0.0, "now": NOW, **kwargs})


def answer(status: int = 200, document: Any = None, **headers: str) -> OutboundAnswer:
    return OutboundAnswer(status=status, body=json.dumps(document).encode(), headers=headers)
