"""What every provider's samples have in common; what each says exactly is tested beside its adapter."""

import json
from datetime import UTC, datetime

import pytest

from providers.events import Kind, OrderType, Status
from providers.registry import ADAPTERS, UnknownProviderError, get_adapter, provider_choices
from providers.samples import (
    DEMO_MENU,
    SampleOrder,
    UnknownSampleError,
    UnsignedSample,
    build_sample,
    sample_events,
    sign_sample,
)
from providers.signatures import InboundRequest

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
REF = "5f0c6a52-1b8e-5d0a-9a1e-000000000001"
ORDER = SampleOrder(external_id="1000001", store_id="store-1", now=NOW, order_ref=REF)
DIALECTS = ("hub", "native")
EVERY = [(slug, dialect, name) for slug in ADAPTERS for dialect in DIALECTS for name in sample_events(slug, dialect)]
STATUS_NAMES = {status.value for status in Status}
NO_STATUS = {"courier", "menu"}


def events_of(slug, dialect, name, order=ORDER):
    sample = build_sample(slug, dialect, name, order)
    return ADAPTERS[slug].parse(InboundRequest(sample.body(), sample.headers, sample.path, sample.method))


def test_four_providers_are_known():
    assert provider_choices() == [
        ("careem", "Careem"), ("talabat", "Talabat"), ("deliveroo", "Deliveroo"), ("jahez", "Jahez"),
    ]  # fmt: skip
    assert all(get_adapter(slug) is adapter for slug, adapter in ADAPTERS.items())


@pytest.mark.parametrize("slug", ["", "uber", "Careem", "nexara"])
def test_other_providers_are_unknown(slug):
    with pytest.raises(UnknownProviderError):
        get_adapter(slug)


@pytest.mark.parametrize(("slug", "dialect", "name"), EVERY)
def test_sample_parses(slug, dialect, name):
    assert events_of(slug, dialect, name)


@pytest.mark.parametrize(("slug", "dialect", "name"), [entry for entry in EVERY if entry[2] in STATUS_NAMES])
def test_sample_named_after_a_status_tells_it(slug, dialect, name):
    assert {event.status for event in events_of(slug, dialect, name)} == {Status(name)}


@pytest.mark.parametrize(("slug", "dialect", "name"), [entry for entry in EVERY if entry[2] in NO_STATUS])
def test_sample_of_the_courier_or_the_menu_leaves_the_status(slug, dialect, name):
    assert {event.status for event in events_of(slug, dialect, name)} == {None}


@pytest.mark.parametrize(("slug", "dialect", "name"), [entry for entry in EVERY if entry[2] == "menu"])
def test_menu_sample_touches_no_order(slug, dialect, name):
    assert {event.kind for event in events_of(slug, dialect, name)} == {Kind.IGNORED}


@pytest.mark.parametrize(("slug", "dialect", "name"), [entry for entry in EVERY if entry[2] in ("pickup", "scheduled")])
def test_sample_of_another_kind_of_order_is_one(slug, dialect, name):
    (event,) = events_of(slug, dialect, name)
    assert (event.kind, event.external_id) == (Kind.CREATED, "1000001")
    if name == "pickup":
        assert event.snapshot.order_type is OrderType.PICKUP
    else:
        assert event.snapshot.scheduled_for > NOW


@pytest.mark.parametrize("slug", ADAPTERS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("number", range(8))
def test_created_sample_orders_from_the_demo_menu(slug, dialect, number):
    order = SampleOrder(external_id="1000001", store_id="store-1", now=NOW, order_ref=REF, number=number)
    (event,) = events_of(slug, dialect, "created", order)
    codes = {product.code for product in DEMO_MENU}
    lines = event.snapshot.lines
    assert (event.kind, event.status, event.external_id) == (Kind.CREATED, Status.RECEIVED, "1000001")
    assert 2 <= len(lines) <= 4
    assert {line.external_id for line in lines} <= codes
    chosen = [option for line in lines for top in line.modifiers for option in top.walk()]
    assert {option.external_id for option in chosen if option.external_id} <= codes


@pytest.mark.parametrize("slug", ADAPTERS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_samples_vary_by_their_number_and_always_the_same_way(slug, dialect):
    def body(number):
        order = SampleOrder(external_id="1000001", store_id="store-1", now=NOW, order_ref=REF, number=number)
        return build_sample(slug, dialect, "created", order).body()

    assert body(1) == body(1)
    assert len({body(number) for number in range(1, 7)}) > 1


@pytest.mark.parametrize("slug", ADAPTERS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_signed_sample_of_every_event_is_accepted(slug, dialect):
    adapter = ADAPTERS[slug]
    wanted = adapter.hub_secret if dialect == "hub" else adapter.native_secret
    secrets = {wanted: "a-secret-with-enough-entropy-for-hs512-tokens-and-all-the-rest-of-them"}
    for name in sample_events(slug, dialect):
        request = sign_sample(adapter, dialect, build_sample(slug, dialect, name, ORDER), secrets, NOW, "delivery-1")
        headers = {header.lower(): value for header, value in request.headers.items()}
        received = InboundRequest(request.body, headers, request.path, request.method)
        assert adapter.verify(received, {wanted: (secrets[wanted],)}, NOW) == wanted
        assert request.method in adapter.methods(request.path)


@pytest.mark.parametrize("secrets", [{}, {"bearerToken": ""}, {"apiKey": "k"}])
def test_sample_without_its_secret_names_the_one_that_is_missing(secrets):
    sample = build_sample("jahez", "hub", "created", ORDER)
    with pytest.raises(KeyError, match="bearerToken"):
        sign_sample(ADAPTERS["jahez"], "hub", sample, secrets, NOW, "d")


@pytest.mark.parametrize("name", ["order.created", "order_created", "created"])
def test_event_may_be_named_with_its_prefix(name):
    assert build_sample("jahez", "native", name, ORDER) == build_sample("jahez", "native", "created", ORDER)


def test_unknown_event_names_the_known_ones():
    with pytest.raises(UnknownSampleError, match=r"jahez has no native sample 'menu'; it has: created, confirmed, "):
        build_sample("jahez", "native", "menu", ORDER)


def test_body_of_a_sample_is_utf8_json_or_nothing():
    assert UnsignedSample({"a": "بصل"}).body() == '{"a": "بصل"}'.encode()
    assert UnsignedSample(None).body() == b""
    assert json.loads(UnsignedSample({}).body()) == {}


def test_demo_menu_names_each_code_once_and_in_both_languages():
    assert len({product.code for product in DEMO_MENU}) == len(DEMO_MENU)
    assert all(product.name and product.name_ar for product in DEMO_MENU)
