"""The tests that every adapter inherits. A new provider's tests begin with ``class Test…(AdapterContractTests)``.

They touch no database: a test run without one passes them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from providers.base import InboundRequest, ProviderAdapter
from providers.events import Kind, OrderEvent
from providers.payload import PayloadError
from providers.samples import Dialect, SampleOrder, build_sample, sample_events, sign_sample
from providers.signatures import SignatureError

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
SECRET = "current-secret-with-enough-entropy"
PREVIOUS = "previous-secret-with-enough-entropy"


def load_fixture(adapter: ProviderAdapter, name: str, headers: Mapping[str, str] | None = None, path: str = "",
                 method: str = "POST") -> InboundRequest:  # fmt: skip
    """Return ``fixtures/<name>.json`` of the adapter's folder as a request."""
    folder = Path(__file__).parent / adapter.slug / "fixtures"
    body = (folder / f"{name}.json").read_bytes()
    return InboundRequest(
        body=body, headers={"content-type": "application/json", **(headers or {})}, path=path, method=method
    )


def parse_one(adapter: ProviderAdapter, request: InboundRequest) -> OrderEvent:
    """Return the only event of a request."""
    (event,) = adapter.parse(request)
    return event


class AdapterContractTests:
    """What holds for every adapter. A subclass names its adapter."""

    adapter: ClassVar[ProviderAdapter]

    dialects: ClassVar[tuple[Dialect, ...]] = ("hub", "native")

    # -- helpers -----------------------------------------------------------------------------------------------------

    def signed(self, dialect: Dialect, now: datetime = NOW, secret: str = SECRET) -> InboundRequest:
        order = SampleOrder(external_id="1000001", store_id="store-1", now=now)
        sample = build_sample(self.adapter.slug, dialect, "created", order)
        return sign_sample(self.adapter, dialect, sample, {self.secret_name(dialect): secret}, now, "delivery-1")

    def secret_name(self, dialect: Dialect) -> str:
        return self.adapter.hub_secret if dialect == "hub" else self.adapter.native_secret

    def secrets(self, dialect: Dialect, *values: str) -> dict[str, tuple[str, ...]]:
        return {self.secret_name(dialect): values or (SECRET,)}

    def proof_headers(self, request: InboundRequest) -> list[str]:
        known = {getattr(scheme, "header", "authorization").lower() for scheme in self.adapter.schemes}
        return [name for name in request.headers if name.lower() in known]

    def with_headers(self, request: InboundRequest, **changes: str) -> InboundRequest:
        return dataclasses.replace(request, headers={**request.headers, **changes})

    def refuse(self, request: InboundRequest, secrets: dict[str, tuple[str, ...]], now: datetime = NOW) -> str:
        with pytest.raises(SignatureError) as caught:
            self.adapter.verify(request, secrets, now)
        return caught.value.reason

    # -- who sent it -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_good_proof_holds(self, dialect: Dialect) -> None:
        assert self.adapter.verify(self.signed(dialect), self.secrets(dialect), NOW) == self.secret_name(dialect)

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_previous_secret_holds_while_rotating(self, dialect: Dialect) -> None:
        request = self.signed(dialect, secret=PREVIOUS)
        assert self.adapter.verify(request, self.secrets(dialect, SECRET, PREVIOUS), NOW) == self.secret_name(dialect)

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_wrong_secret_is_refused(self, dialect: Dialect) -> None:
        self.refuse(self.signed(dialect, secret="somebody-else"), self.secrets(dialect))

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_missing_proof_is_refused(self, dialect: Dialect) -> None:
        request = self.signed(dialect)
        bare = {name: value for name, value in request.headers.items() if name not in self.proof_headers(request)}
        assert self.refuse(dataclasses.replace(request, headers=bare), self.secrets(dialect)) == "no_proof"

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    @pytest.mark.parametrize(
        "garbage", ["", " ", "garbage", "Bearer", "é\u0639\u0631\u0628\u064a", "\x00", "a" * 10_000, "sha256="]
    )
    def test_garbage_proof_is_refused(self, dialect: Dialect, garbage: str) -> None:
        request = self.signed(dialect)
        for name in self.proof_headers(request):
            self.refuse(self.with_headers(request, **{name: garbage}), self.secrets(dialect))

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_no_secret_set_refuses_everything(self, dialect: Dialect) -> None:
        assert self.refuse(self.signed(dialect), {}) == "no_secret_set"
        self.refuse(self.signed(dialect), self.secrets(dialect, ""))

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_empty_secret_never_matches(self, dialect: Dialect) -> None:
        request = self.signed(dialect)
        for name in self.proof_headers(request):
            self.refuse(self.with_headers(request, **{name: "Bearer "}), self.secrets(dialect, ""))
            self.refuse(self.with_headers(request, **{name: ""}), self.secrets(dialect, ""))

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_wrong_proof_of_the_hub_beside_a_good_one_is_refused(self, dialect: Dialect) -> None:
        request = self.with_headers(self.signed(dialect), **{"x-nexara-signature": "00"})
        self.refuse(request, self.secrets(dialect))
        self.refuse(request, self.secrets(dialect) | {"nexara.secretKey": ("hub-secret",)})

    # -- what it says ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_every_sample_parses_and_twice_gives_equal_events(self, dialect: Dialect) -> None:
        for name, builder in sample_events(self.adapter.slug, dialect).items():
            sample = builder(
                SampleOrder(
                    external_id="1000001", store_id="store-1", now=NOW, order_ref="0f0e0d0c-0000-4000-8000-00000000000a"
                )
            )
            request = InboundRequest(sample.body(), sample.headers, sample.path, sample.method)
            assert self.adapter.parse(request) == self.adapter.parse(request), name

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_created_sample_is_a_whole_order(self, dialect: Dialect) -> None:
        event = parse_one(self.adapter, self.signed(dialect))
        assert event.kind is Kind.CREATED
        assert event.external_id == "1000001"
        assert event.snapshot is not None
        assert event.snapshot.lines
        assert event.snapshot.total is not None
        assert event.snapshot.store_ids[:1] == ("store-1",)

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_unknown_fields_do_no_harm(self, dialect: Dialect) -> None:
        request = self.signed(dialect)
        payload = _with_extras(json.loads(request.body))
        grown = dataclasses.replace(request, body=json.dumps(payload).encode())
        assert self.adapter.parse(grown) == self.adapter.parse(request)

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xff\xfe{}", b"not json", b"[]", b'"text"', b"null", b"12", b'{"a":1,"a":2}', b'{"a":NaN}',
         b"[" * 100_000, b'{"a":' * 5_000, b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"],
    )  # fmt: skip
    def test_unusable_bodies_are_payload_errors(self, body: bytes) -> None:
        with pytest.raises(PayloadError) as caught:
            self.adapter.parse(InboundRequest(body, {}, *self.created_route()))
        assert caught.value.details

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_wrong_types_anywhere_are_payload_errors_or_harmless(self, dialect: Dialect) -> None:
        request = self.signed(dialect)
        payload = json.loads(request.body)
        for path in _paths(payload):
            for wrong in (None, True, -1, 1.7, "", "x", [], [1], {}, {"x": 1}):
                mangled = dataclasses.replace(request, body=json.dumps(_replaced(payload, path, wrong)).encode())
                try:
                    assert isinstance(self.adapter.parse(mangled), list)
                except PayloadError as error:
                    assert error.details  # noqa: PT017 — the other outcome is fine as well

    @pytest.mark.parametrize("dialect", ["hub", "native"])
    def test_old_time_in_a_body_refuses_nothing(self, dialect: Dialect) -> None:
        order = SampleOrder(external_id="1000001", store_id="store-1", now=NOW - timedelta(days=400))
        sample = build_sample(self.adapter.slug, dialect, "created", order)
        assert self.adapter.parse(InboundRequest(sample.body(), sample.headers, sample.path, sample.method))

    def created_route(self) -> tuple[str, str]:
        request = self.signed("native")
        return request.path, request.method


def _with_extras(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            **{key: _with_extras(child) for key, child in value.items()},
            "x_new_field_2031": {"deep": [1, None, "x"]},
        }
    if isinstance(value, list):
        return [_with_extras(child) for child in value]
    return value


def _paths(value: Any, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    return [path for key, child in pairs for path in ((*prefix, key), *_paths(child, (*prefix, key)))]


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy
