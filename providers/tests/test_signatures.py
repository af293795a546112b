"""Proofs: the rules that hold over all schemes, and each scheme against answers of the openssl command line."""

import dataclasses
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.signatures import (
    NEXARA,
    BearerToken,
    DeliverooSignature,
    HexSignature,
    InboundRequest,
    JsonWebToken,
    SignatureError,
    StaticKey,
    check_time,
    verify_request,
)

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
NOW_S = 1768046400

KEY = StaticKey(header="X-Api-Key", secret="apiKey")
TIMED_KEY = StaticKey(header="X-Api-Key", secret="apiKey", timestamp_header="X-Time")
HEX = HexSignature(header="X-Signature", secret="webhookSecret", timestamp_header="X-Time")
BEARER = BearerToken(
    secret="bearerToken", request_id_header="x-request-id", request_id_field="requestId", native_fields=("native_id",)
)
TOKEN = JsonWebToken(secret="jwtSecret")
DELIVEROO = DeliverooSignature()

BODY = '{"note":"بدون بصل"}'.encode()
# printf '{"note":"بدون بصل"}' | openssl dgst -sha256 -hmac 'plain-test-secret'
HEX_PLAIN = "4b533927bc12817aedd327d7e39ced4d961f8fc969f0e0c185ea610fd1d3e343"
# printf '1768046400.{"note":"بدون بصل"}' | openssl dgst -sha256 -hmac 'plain-test-secret'
HEX_TIMED = "249c10c8edef1415a723ba831ed6f508ca7fb4516c0a0c33df3c4fdfc2f81f19"
HEX_SECRETS = {"webhookSecret": ("plain-test-secret",)}

NEXARA_BODY = '{"eventType":"order.created","note":"بدون بصل"}'.encode()
# printf '1768046400.{"eventType":"order.created","note":"بدون بصل"}' | openssl dgst -sha256 -hmac 'nexara-test-secret'
NEXARA_HEADERS = {
    "x-nexara-signature": "91599b9bc60d0dee010bd9dc28ac80a3b27e95b8bda06c8b8c5078597d276206",
    "x-timestamp": "1768046400",
    "x-webhook-id": "wh-1",
}
NEXARA_SECRETS = {"nexara.secretKey": ("nexara-test-secret",)}

DELIVEROO_BODY = '{"event":"order.new","body":{"order":{"id":"ae:0001","order_notes":"بدون بصل"}}}'.encode()
# printf '1499765769 <body>' | openssl dgst -sha256 -hmac test_webhook_secret
DELIVEROO_NATIVE = "4844333d9bda372012c664673447cf2dc95b6e322beb456dffc0be1a0bdf3bf6"
# printf '1499765769 \n <body>' | openssl dgst -sha256 -hmac test_webhook_secret
DELIVEROO_LEGACY = "e4c5b2084c0afc04b8e43a555cf6d506d7d584ac6571ee3a96283f76a8a97d03"
# printf '{"note":"بدون بصل"}' | openssl dgst -sha256 -hmac 'deliveroo-test-secret' -binary | openssl base64
DELIVEROO_HUB = "Y74AqwawvzBaEtu8Jz/Cu0quwxVnjmGGVLb9WpSoaiI="

# The parts in base64url without padding: header.claims.$(printf header.claims | openssl dgst -sha256 -hmac … -binary)
JWT_SECRETS = {"jwtSecret": ("jwt-test-secret-of-enough-entropy",)}
JWT_HEAD = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
JWT_GOOD = JWT_HEAD + "eyJzZXJ2aWNlIjoibWlkZGxld2FyZSJ9._HO-C5ol8sQp_ArsivrQ27TuAbq78V0VktOFQTy0t_0"
# {"service":"middleware","exp":1768046400}
JWT_EXPIRING = (
    JWT_HEAD + "eyJzZXJ2aWNlIjoibWlkZGxld2FyZSIsImV4cCI6MTc2ODA0NjQwMH0.tW6Ob3i3NBl41HuHTOLlriaFB2_MY2GW81WmpK2VUKw"
)
# {"service":"middleware","nbf":1768046800}
JWT_LATER = (
    JWT_HEAD + "eyJzZXJ2aWNlIjoibWlkZGxld2FyZSIsIm5iZiI6MTc2ODA0NjgwMH0.gtRY-TeuJJkG6h4Kgm3GoF1sliTizlU_Hb-3pdG6xgA"
)
JWT_OTHER_SERVICE = JWT_HEAD + "eyJzZXJ2aWNlIjoib3RoZXIifQ.YPIawBOViSCEhArssWOVzs4hataoOCcmBCvd0yqza6M"
JWT_HS384 = (
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJzZXJ2aWNlIjoibWlkZGxld2FyZSJ9."
    "mVl8Flr9lYWr4Ju6sqpUnlV2s3xG3N8wwlCbgSmYblZ0SfFvnqv8rc8GlE368ul5"
)
JWT_NONE = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzZXJ2aWNlIjoibWlkZGxld2FyZSJ9."
# The provider's published vector, HS512.
JWT_HS512 = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJzZXJ2aWNlIjoibWlkZGxld2FyZSJ9."
    "v_LfB9ti83FiluzPE2apng2G40gfHYrcKaXY7kjKEzndLYtUrF7Y84rROVwMOpDHZKPiPtbyfAAayJnMPibd1w"
)


def carrying(body=BODY, **headers):
    return InboundRequest(body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def with_headers(request, **headers):
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return dataclasses.replace(request, headers={**request.headers, **extra})


def refused(schemes, request, secrets, now=NOW):
    with pytest.raises(SignatureError) as caught:
        verify_request(schemes, request, secrets, now)
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


# -- rules over all schemes --------------------------------------------------------------------------------------------


def test_one_complete_proof_is_enough():
    assert verify_request((KEY, HEX), carrying(x_api_key="k"), {"apiKey": ("k",)}, NOW) == "apiKey"


def test_request_without_any_proof_is_refused():
    assert refused((KEY, HEX), carrying(), {"apiKey": ("k",)}) == "no_proof"
    assert refused((), carrying(x_api_key="k"), {"apiKey": ("k",)}) == "no_proof"


def test_both_proofs_that_hold_are_taken():
    both = carrying(x_api_key="k", x_signature=HEX_PLAIN)
    assert verify_request((KEY, HEX), both, {"apiKey": ("k",)} | HEX_SECRETS, NOW) == "apiKey"
    assert verify_request((HEX, KEY), both, {"apiKey": ("k",)} | HEX_SECRETS, NOW) == "webhookSecret"


@pytest.mark.parametrize("schemes", [(KEY, HEX), (HEX, KEY)])
def test_further_proof_must_hold_too(schemes):
    secrets = {"apiKey": ("k",)} | HEX_SECRETS
    assert refused(schemes, carrying(x_api_key="k", x_signature="00"), secrets) == "wrong_signature"
    assert refused(schemes, carrying(x_api_key="x", x_signature=HEX_PLAIN), secrets) == "wrong_key"


@pytest.mark.parametrize("schemes", [(KEY, HEX), (HEX, KEY)])
def test_further_proof_without_a_secret_is_refused(schemes):
    request = carrying(x_api_key="k", x_signature=HEX_PLAIN)
    for secrets in ({}, {"webhookSecret": ()}, {"webhookSecret": ("",)}):
        assert refused(schemes, request, {"apiKey": ("k",)} | secrets) == "no_secret_set"


def test_blank_further_proof_is_a_proof_that_does_not_hold():
    assert refused((KEY, HEX), carrying(x_api_key="k", x_signature=""), {"apiKey": ("k",)} | HEX_SECRETS)


@pytest.mark.parametrize("values", [(), ("",), ("", "")])
@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        (KEY, {"x_api_key": ""}),
        (HEX, {"x_signature": ""}),
        (BEARER, {"authorization": "Bearer ", "x_request_id": "r"}),
        (TOKEN, {"authorization": "Bearer " + JWT_NONE}),
        (DELIVEROO, {"x_deliveroo_hmac_sha256": ""}),
        (NEXARA, {"x_nexara_signature": "", "x_timestamp": str(NOW_S), "x_webhook_id": "w"}),
    ],
)
def test_empty_secret_never_matches(scheme, headers, values):
    assert refused((scheme,), carrying(**headers), {scheme.secret: values}) == "no_secret_set"


def test_empty_value_beside_a_set_one_never_matches():
    assert refused((KEY,), carrying(x_api_key=""), {"apiKey": ("", "k")}) == "wrong_key"
    assert verify_request((KEY,), carrying(x_api_key="k"), {"apiKey": ("", "k")}, NOW) == "apiKey"


@pytest.mark.parametrize("given_value", ["new", "old"])
def test_two_values_hold_while_one_is_rotated(given_value):
    assert verify_request((KEY,), carrying(x_api_key=given_value), {"apiKey": ("new", "old")}, NOW) == "apiKey"


def test_third_value_does_not_hold():
    assert refused((KEY,), carrying(x_api_key="older"), {"apiKey": ("new", "old")}) == "wrong_key"


@pytest.mark.parametrize("schemes", [(BEARER, TOKEN), (TOKEN, BEARER)])
def test_schemes_of_one_header_are_alternatives(schemes):
    secrets = {"bearerToken": ("b",)} | JWT_SECRETS
    token = carrying(authorization=f"Bearer {JWT_GOOD}", x_request_id="r")
    bearer = carrying(authorization="Bearer b", x_request_id="r")
    assert verify_request(schemes, token, secrets, NOW) == "jwtSecret"
    assert verify_request(schemes, bearer, secrets, NOW) == "bearerToken"
    assert verify_request(schemes, bearer, {"bearerToken": ("b",)}, NOW) == "bearerToken"
    assert refused(schemes, carrying(authorization="Bearer x", x_request_id="r"), secrets) == "wrong_token"


def test_secret_of_another_scheme_proves_nothing():
    assert refused((KEY, HEX), carrying(x_api_key="k"), {"webhookSecret": ("k",)}) == "no_secret_set"


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_as_a_proof_is_only_wrong(text):
    secrets = {"apiKey": ("k",), "bearerToken": ("b",)} | HEX_SECRETS | NEXARA_SECRETS | JWT_SECRETS
    schemes = (TIMED_KEY, HEX, BEARER, TOKEN, DELIVEROO, NEXARA)
    names = ("x_api_key", "x_signature", "authorization", "x_deliveroo_hmac_sha256", "x_nexara_signature")
    for name in names:
        refused(schemes, carrying(**{name: text}), secrets)
        refused(schemes, carrying(**{name: text, "x_time": text, "x_timestamp": text, "x_webhook_id": text}), secrets)
    headers = {"x_deliveroo_hmac_sha256": text, "x_deliveroo_sequence_guid": text}
    refused(schemes, carrying(**headers), {"webhookSecret": ("s",)})


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [-300, -299.999, 0, 299.999, 300])
def test_time_within_the_tolerance_holds(offset_s):
    check_time((NOW + timedelta(seconds=offset_s)).isoformat(), NOW)


@pytest.mark.parametrize("offset_s", [-301, -300.001, 300.001, 301, 86_400, -86_400 * 365])
def test_time_outside_the_tolerance_is_refused(offset_s):
    with pytest.raises(SignatureError) as caught:
        check_time((NOW + timedelta(seconds=offset_s)).isoformat(), NOW)
    assert caught.value.reason == "timestamp_outside_tolerance"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing_timestamp"),
        ("  ", "missing_timestamp"),
        ("now", "malformed_timestamp"),
        ("é", "malformed_timestamp"),
    ],
)
def test_time_that_is_none_is_refused(text, reason):
    with pytest.raises(SignatureError) as caught:
        check_time(text, NOW)
    assert caught.value.reason == reason


def test_time_in_seconds_milliseconds_or_iso_is_the_same():
    for text in ("1768046400", " 1768046400 ", "1768046400000", "2026-01-10T12:00:00Z", "2026-01-10T15:00:00+03:00"):
        check_time(text, NOW)


# -- the hub's signature -----------------------------------------------------------------------------------------------


def test_nexara_known_answer():
    request = InboundRequest(NEXARA_BODY, NEXARA_HEADERS)
    assert verify_request((NEXARA,), request, NEXARA_SECRETS, NOW) == "nexara.secretKey"
    assert NEXARA.sign(NEXARA_BODY, "nexara-test-secret", NOW, "wh-1") == NEXARA_HEADERS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x_timestamp": "1768046401"}, "wrong_signature"),
        ({"x_timestamp": "1768046400.0"}, "wrong_signature"),
        ({"x_timestamp": "1768046099"}, "timestamp_outside_tolerance"),
        ({"x_timestamp": ""}, "missing_timestamp"),
        ({"x_timestamp": "noon"}, "malformed_timestamp"),
        ({"x_webhook_id": ""}, "missing_delivery_id"),
        ({"x_webhook_id": "  "}, "missing_delivery_id"),
        ({"x_nexara_signature": NEXARA_HEADERS["x-nexara-signature"][:-1]}, "wrong_signature"),
        ({"x_nexara_signature": "é" * 64}, "wrong_signature"),
        ({"x_nexara_signature": "\udcff"}, "wrong_signature"),
    ],
)
def test_nexara_proof_that_is_not_whole_is_refused(changes, reason):
    request = with_headers(InboundRequest(NEXARA_BODY, NEXARA_HEADERS), **changes)
    assert refused((NEXARA,), request, NEXARA_SECRETS) == reason


@pytest.mark.parametrize("missing", ["x-timestamp", "x-webhook-id"])
def test_nexara_proof_needs_all_its_headers(missing):
    headers = {name: value for name, value in NEXARA_HEADERS.items() if name != missing}
    reason = {"x-timestamp": "missing_timestamp", "x-webhook-id": "missing_delivery_id"}[missing]
    assert refused((NEXARA,), InboundRequest(NEXARA_BODY, headers), NEXARA_SECRETS) == reason


@pytest.mark.parametrize("body", [NEXARA_BODY + b" ", NEXARA_BODY.replace("ب".encode(), b"b", 1), b""])
def test_nexara_proof_covers_the_body(body):
    assert refused((NEXARA,), InboundRequest(body, NEXARA_HEADERS), NEXARA_SECRETS) == "wrong_signature"


# -- hex signature -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "sha256=", "SHA256=", " "])
def test_hex_signature_known_answer(prefix):
    for proof in (HEX_PLAIN, HEX_PLAIN.upper()):
        request = carrying(x_signature=prefix + proof)
        assert verify_request((HEX,), request, HEX_SECRETS, NOW) == "webhookSecret"


def test_hex_signature_with_a_time_known_answer():
    request = carrying(x_signature=HEX_TIMED, x_time="1768046400")
    assert verify_request((HEX,), request, HEX_SECRETS, NOW) == "webhookSecret"
    assert HEX.sign(BODY, "plain-test-secret", NOW, "") == {"X-Signature": HEX_TIMED, "X-Time": "1768046400"}


def test_hex_signature_covers_the_time_wherever_there_is_one():
    assert refused((HEX,), carrying(x_signature=HEX_PLAIN, x_time="1768046400"), HEX_SECRETS) == "wrong_signature"
    assert refused((HEX,), carrying(x_signature=HEX_PLAIN, x_time=""), HEX_SECRETS) == "missing_timestamp"
    assert refused((HEX,), carrying(x_signature=HEX_TIMED), HEX_SECRETS) == "wrong_signature"


@pytest.mark.parametrize("offset_s", [-301, 301])
def test_hex_signature_with_an_old_or_future_time_is_refused(offset_s):
    request = carrying(x_signature=HEX_TIMED, x_time="1768046400")
    now = NOW + timedelta(seconds=offset_s)
    assert refused((HEX,), request, HEX_SECRETS, now) == "timestamp_outside_tolerance"


@pytest.mark.parametrize("proof", ["", "sha256=", "sha1=" + HEX_PLAIN, HEX_PLAIN + "0", "é", "\x00", HEX_PLAIN[:32]])
def test_other_hex_signatures_are_refused(proof):
    assert refused((HEX,), carrying(x_signature=proof), HEX_SECRETS) == "wrong_signature"


# -- static key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["K", "k ", " k"])
def test_static_key_is_trimmed_and_case_counts(key):
    request = carrying(x_api_key=key)
    if key.strip() == "k":
        assert verify_request((KEY,), request, {"apiKey": ("k",)}, NOW) == "apiKey"
    else:
        assert refused((KEY,), request, {"apiKey": ("k",)}) == "wrong_key"


def test_static_key_may_be_non_ascii():
    assert verify_request((KEY,), carrying(x_api_key="مفتاح"), {"apiKey": ("مفتاح",)}, NOW) == "apiKey"
    assert refused((KEY,), carrying(x_api_key="مفتاح"), {"apiKey": ("k",)}) == "wrong_key"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{}", {"x_time": "1768046400"}),
        (b'{"timestamp":1768046400}', {}),
        (b'{"timestamp":"2026-01-10T12:05:00Z"}', {}),
        (b'{"timestamp":"garbage"}', {"x_time": "1768046100"}),
        (b'{"timestamp":1768046400}', {"x_time": ""}),
    ],
)
def test_timed_key_takes_the_time_from_header_or_body(body, headers):
    request = carrying(body, x_api_key="k", **headers)
    assert verify_request((TIMED_KEY,), request, {"apiKey": ("k",)}, NOW) == "apiKey"


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"{}", {}, "missing_timestamp"),
        (b"not json", {}, "missing_timestamp"),
        (b'{"timestamp":true}', {}, "missing_timestamp"),
        (b'{"timestamp":[1768046400]}', {}, "missing_timestamp"),
        (b'{"timestamp":"soon"}', {}, "malformed_timestamp"),
        (b'{"timestamp":1768046400}', {"x_time": "soon"}, "malformed_timestamp"),
        (b'{"timestamp":1768046099}', {}, "timestamp_outside_tolerance"),
        (b'{"timestamp":1768046400}', {"x_time": "1768046701"}, "timestamp_outside_tolerance"),
    ],
)
def test_timed_key_without_a_good_time_is_refused(body, headers, reason):
    assert refused((TIMED_KEY,), carrying(body, x_api_key="k", **headers), {"apiKey": ("k",)}) == reason


def test_wrong_key_is_the_reason_whatever_the_time():
    assert refused((TIMED_KEY,), carrying(x_api_key="x"), {"apiKey": ("k",)}) == "wrong_key"


# -- bearer token ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        (b"{}", {"x_request_id": "r-1"}, "r-1"),
        (b'{"requestId":"r-2"}', {}, "r-2"),
        (b'{"requestId":7}', {}, "7"),
        (b'{"native_id":5}', {}, ""),
    ],
)
def test_bearer_token_needs_a_request_id_except_natively(body, headers, request_id):
    request = carrying(body, authorization="Bearer b", **headers)
    assert verify_request((BEARER,), request, {"bearerToken": ("b",)}, NOW) == "bearerToken"
    assert BEARER.request_id(request) == request_id


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"not json", b"", b'{"requestId":""}', b'{"requestId":null}', b'{"requestId":true}',
     b'{"native_id":null}', b'{"native_id":""}', b'{"native_id":{}}', b'{"data":{"native_id":5}}'],
)  # fmt: skip
def test_bearer_token_without_a_request_id_is_refused(body):
    request = carrying(body, authorization="Bearer b")
    assert refused((BEARER,), request, {"bearerToken": ("b",)}) == "missing_delivery_id"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "b", "Basic b", "Bearer B", "Bearer b b", "Bearerb", "Bearer é"]
)
def test_other_authorizations_are_refused(value):
    request = carrying(authorization=value, x_request_id="r")
    assert refused((BEARER,), request, {"bearerToken": ("b",)}) == "wrong_token"


# -- JSON web token ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "secret"), [(JWT_GOOD, JWT_SECRETS["jwtSecret"][0]), (JWT_HS512, "test_dh_secret")])
def test_json_web_token_known_answer(token, secret):
    request = carrying(authorization=f"Bearer {token}")
    assert verify_request((TOKEN,), request, {"jwtSecret": (secret,)}, NOW) == "jwtSecret"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (JWT_OTHER_SERVICE, "wrong_claim"),
        (JWT_HS384, "wrong_token"),
        (JWT_NONE, "wrong_token"),
        (JWT_GOOD[:-2], "wrong_token"),
        (JWT_GOOD + "A", "wrong_token"),
        (JWT_HS512, "wrong_token"),
        ("a.b.c", "wrong_token"),
        ("é.é.é", "wrong_token"),
        ("", "wrong_token"),
    ],
)
def test_other_json_web_tokens_are_refused(token, reason):
    assert refused((TOKEN,), carrying(authorization=f"Bearer {token}"), JWT_SECRETS) == reason


def test_json_web_token_holds_until_it_expires():
    request = carrying(authorization=f"Bearer {JWT_EXPIRING}")
    assert verify_request((TOKEN,), request, JWT_SECRETS, NOW - timedelta(seconds=1)) == "jwtSecret"
    assert refused((TOKEN,), request, JWT_SECRETS, NOW) == "expired_token"


def test_json_web_token_of_the_future_is_refused():
    request = carrying(authorization=f"Bearer {JWT_LATER}")
    assert refused((TOKEN,), request, JWT_SECRETS, NOW + timedelta(seconds=99)) == "token_not_yet_valid"
    assert verify_request((TOKEN,), request, JWT_SECRETS, NOW + timedelta(seconds=100)) == "jwtSecret"


# -- Deliveroo ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proof", [DELIVEROO_NATIVE, DELIVEROO_LEGACY, DELIVEROO_NATIVE.upper()])
def test_deliveroo_known_answer(proof):
    request = carrying(DELIVEROO_BODY, x_deliveroo_hmac_sha256=proof, x_deliveroo_sequence_guid="1499765769")
    secrets = {"webhookSecret": ("test_webhook_secret",)}
    assert verify_request((DELIVEROO,), request, secrets, NOW) == "webhookSecret"


def test_deliveroo_hub_form_known_answer():
    secrets = {"webhookSecret": ("deliveroo-test-secret",)}
    request = carrying(x_deliveroo_hmac_sha256=DELIVEROO_HUB)
    assert verify_request((DELIVEROO,), request, secrets, NOW) == "webhookSecret"
    assert DELIVEROO.sign_hub(BODY, "deliveroo-test-secret") == {"x-deliveroo-hmac-sha256": DELIVEROO_HUB}
    assert refused((DELIVEROO,), carrying(x_deliveroo_hmac_sha256=DELIVEROO_HUB.lower()), secrets) == "wrong_signature"


def test_deliveroo_forms_do_not_stand_in_for_each_other():
    secrets = {"webhookSecret": ("test_webhook_secret",)}
    without_guid = carrying(DELIVEROO_BODY, x_deliveroo_hmac_sha256=DELIVEROO_NATIVE)
    assert refused((DELIVEROO,), without_guid, secrets) == "wrong_signature"
    other_guid = with_headers(without_guid, x_deliveroo_sequence_guid="1499765770")
    assert refused((DELIVEROO,), other_guid, secrets) == "wrong_signature"
    hub_form = carrying(x_deliveroo_hmac_sha256=DELIVEROO_HUB, x_deliveroo_sequence_guid="g")
    assert refused((DELIVEROO,), hub_form, {"webhookSecret": ("deliveroo-test-secret",)}) == "wrong_signature"


# -- signing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [KEY, TIMED_KEY, HEX, BEARER, TOKEN, DELIVEROO, NEXARA])
@given(body=st.binary(max_size=40), secret=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_what_a_scheme_signs_it_accepts(scheme, body, secret):
    headers = {name.lower(): value for name, value in scheme.sign(body, secret, NOW, "delivery-1").items()}
    request = InboundRequest(body, headers)
    assert verify_request((scheme,), request, {scheme.secret: (secret,)}, NOW) == scheme.secret
    assert refused((scheme,), request, {scheme.secret: (secret + "x",)})


# -- what the edges of each scheme are ---------------------------------------------------------------------------------


def signed_token(**claims) -> str:
    return jwt.encode({"service": "middleware", **claims}, JWT_SECRETS["jwtSecret"][0], algorithm="HS256")


@pytest.mark.parametrize(
    "claims",
    [
        {"nbf": 4102444800 - 100},
        {"iat": 4102444800 + 100},
        {"aud": "somebody"},
        {"exp": 4102444800 + 1, "nbf": 4102444800 + 300},
    ],
    ids=lambda claims: "-".join(claims),
)
def test_json_web_token_is_held_to_the_callers_clock_and_to_its_service_alone(claims):
    # In the year 2100: the library's own clock would refuse each of them.
    now = datetime(2100, 1, 1, tzinfo=UTC)
    assert verify_request((TOKEN,), carrying(authorization=f"Bearer {signed_token(**claims)}"), JWT_SECRETS, now)


@pytest.mark.parametrize(("claim", "reason"), [("exp", "expired_token"), ("nbf", "token_not_yet_valid")])
@pytest.mark.parametrize("value", ["1", True, [1], {}])
def test_json_web_token_with_a_time_that_is_none_is_refused(claim, value, reason):
    token = signed_token(**{claim: value})
    assert refused((TOKEN,), carrying(authorization=f"Bearer {token}"), JWT_SECRETS) == reason


@pytest.mark.parametrize("guid", ["\ud800", "é", ""])
def test_deliveroo_guid_may_be_any_text(guid):
    message = guid.encode("utf-8", "surrogatepass") + b" " + DELIVEROO_BODY
    proof = hmac.new(b"test_webhook_secret", message, hashlib.sha256).hexdigest()
    request = carrying(DELIVEROO_BODY, x_deliveroo_hmac_sha256=proof, x_deliveroo_sequence_guid=guid)
    assert verify_request((DELIVEROO,), request, {"webhookSecret": ("test_webhook_secret",)}, NOW) == "webhookSecret"


def test_bearer_token_is_everything_behind_the_first_space():
    request = carrying(authorization="Bearer two words", x_request_id="r-1")
    assert verify_request((BEARER,), request, {BEARER.secret: ("two words",)}, NOW) == BEARER.secret
    assert refused((BEARER,), request, {BEARER.secret: ("words",)}) == "wrong_token"


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        (KEY, {"X-Api-Key": "s"}),
        (TIMED_KEY, {"X-Api-Key": "s", "X-Time": str(NOW_S)}),
        (BEARER, {"authorization": "Bearer s", BEARER.request_id_header: "d-1"}),
    ],
    ids=["key", "timed key", "bearer"],
)
def test_a_sender_sends_these_headers_alone(scheme, headers):
    assert scheme.sign(BODY, "s", NOW, "d-1") == headers


def test_a_sender_signs_its_json_web_token_with_hs512():
    secret = "s" * 64
    ((name, value),) = TOKEN.sign(BODY, secret, NOW, "d-1").items()
    assert name == "authorization"
    token = value.removeprefix("Bearer ")
    assert jwt.get_unverified_header(token)["alg"] == "HS512"
    assert jwt.decode(token, secret, algorithms=["HS512"]) == {"service": "middleware"}
