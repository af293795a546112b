"""The reader of untrusted JSON: what it takes, what it faults, and that it never raises."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import strict_json
from providers.money import Minor, to_major
from providers.payload import MAX_ID_LENGTH, MAX_QUANTITY, PayloadError, Reader, parse_time
from providers.strict_json import BOTTOMLESS, MAX_DEPTH, clean, load_json, shown

any_character = st.characters(exclude_categories=())
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(any_character, max_size=20)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


def read(text):
    """Return a reader of the value of ``{"x": <text>}`` at ``x``."""
    return Reader.from_body(b'{"x":' + (text if isinstance(text, bytes) else text.encode()) + b"}").at("x")


def nested(levels, opening="[", closing="]"):
    return (opening * levels + closing * levels).encode()


# -- JSON --------------------------------------------------------------------------------------------------------------


def test_document_is_read_with_exact_decimals():
    assert load_json(b'{"a":[0.10,7,"x",null,true]}') == ({"a": [Decimal("0.10"), 7, "x", None, True]}, {})
    assert str(load_json(b"0.10")[0]) == "0.10"


def test_byte_order_mark_is_skipped():
    assert load_json(b'\xef\xbb\xbf{"a":1}') == ({"a": 1}, {})


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "expected JSON, Expecting value at line 1 column 1"),
        (b'{"a":}', "expected JSON, Expecting value at line 1 column 6"),
        (b'{"a":1} x', "expected JSON, Extra data at line 1 column 9"),
        (b"{'a':1}", "expected JSON, Expecting property name enclosed in double quotes at line 1 column 2"),
        (b"\xff{}", "expected UTF-8, got an invalid byte at position 0"),
        (b'{"a":"\xd8\xa7\xc3"}', "expected UTF-8, got an invalid byte at position 8"),
        (b"[" * 40_000, "expected at most 64 levels of nesting"),
    ],
)
def test_unreadable_body_has_no_document(body, fault):
    assert load_json(body) == (None, {"body": fault})


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[]", "a list"), (b'"x"', '"x"'), (b"12", "12"), (b"null", "nothing"), (b"true", "true")],
)
def test_body_that_is_no_object_is_a_fault(body, kind):
    reader = Reader.from_body(body)
    assert (reader.value, reader.faults) == (None, {"body": f"expected a JSON object, got {kind}"})


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"a":1,"a":2}', {"a": "expected each key once, got it twice"}),
        (b'{"l":[{"b":{"k":1,"j":2,"k":1}}]}', {"l[0].b.k": "expected each key once, got it twice"}),
        (b'{"a":NaN}', {"a": "expected a number, got NaN"}),
        (b'{"a":[1,-Infinity]}', {"a[1]": "expected a number, got -Infinity"}),
        (b'{"a":{"b":Infinity}}', {"a.b": "expected a number, got Infinity"}),
        (b"NaN", {"body": "expected a number, got NaN"}),
        (b'{"a":1e99999999999999999999}', {"a": "expected a number, got 1e99999999999999999999"}),
    ],
)
def test_what_json_forbids_is_a_fault_of_its_path(body, fault):
    assert load_json(body)[1] == fault


def test_same_key_in_two_objects_is_no_fault():
    assert load_json(b'{"a":{"k":1},"b":{"k":1}}')[1] == {}


def test_faulty_document_still_names_its_order():
    reader = Reader.from_body(b'{"id":"A-1","total":NaN,"x":1,"x":2}')
    assert reader.at("id").required_identifier() == "A-1"
    assert sorted(reader.faults) == ["total", "x"]


def test_as_many_levels_as_allowed_are_taken():
    assert load_json(nested(MAX_DEPTH))[1] == {}
    assert load_json(nested(MAX_DEPTH + 1))[1] == {"body": "expected at most 64 levels of nesting"}
    assert load_json(b'{"a":' + nested(MAX_DEPTH - 1) + b"}")[1] == {}
    assert load_json(b'{"a":' + nested(MAX_DEPTH) + b"}")[1] == {"body": "expected at most 64 levels of nesting"}


def test_what_lies_too_deep_is_cut_off():
    def depth(value):
        return 1 + max(map(depth, value.values()), default=0) if isinstance(value, dict) else 0

    document, _ = load_json(b'{"a":' * 390 + b"{}" + b"}" * 390)
    assert depth(document) == MAX_DEPTH + 1


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_has_no_bottom_is_not_even_parsed(opening, closing):
    with mock.patch.object(strict_json.json, "loads", side_effect=AssertionError("it was parsed")):
        assert load_json(nested(BOTTOMLESS + 1, opening, closing))[1] == {
            "body": "expected at most 64 levels of nesting"
        }
    assert load_json(nested(BOTTOMLESS))[0] is not None


@pytest.mark.parametrize("before", ["", "[]{}", "\\\\", '\\"', '\\\\\\"'])
def test_brackets_in_a_text_are_no_levels(before):
    assert load_json(f'{{"note":"{before}{"[" * 500}"}}'.encode())[1] == {}


def test_brackets_behind_a_text_with_quotes_are_levels():
    body = b'["' + b'\\"' * 100_000 + b'",' + b"[" * BOTTOMLESS + b"]" * BOTTOMLESS + b"]"
    assert load_json(body) == (None, {"body": "expected at most 64 levels of nesting"})


def test_a_text_without_end_is_looked_through_once():
    assert load_json(b"[" * 201 + b'["' + b'\\"' * 100_000 + b"[" * 401)[0] is None


def test_number_of_very_many_digits_is_read_quickly():
    value, faults = load_json(b"9" * 500_000)
    assert (type(value), faults) == (Decimal, {})


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_a_fault(body):
    document, faults = load_json(body)
    assert faults or document is not None or body.strip() == b"null"


@given(documents)
def test_any_document_without_nan_comes_back(document):
    text = json.dumps(document)
    if "NaN" not in text and "Infinity" not in text:
        assert load_json(text.encode()) == (json.loads(text, parse_float=Decimal), {})


@given(documents)
def test_no_method_raises_for_any_value(document):
    reader = Reader.from_body(json.dumps({"x": document}).encode()).at("x")
    list(reader.items())
    list(reader.objects())
    for method in ("text", "word", "identifier", "required_identifier", "amount", "minor", "quantity", "time", "flag"):
        getattr(reader, method)()
    reader.minor(3)
    reader.quantity(default=1)
    reader.coordinate(90)
    reader.first("a", "b.c")
    reader.named("a", "b.c")
    reader.under(reader.at("a"), "b")
    reader.amount_of(("a", "b_cents"), 2, ("c",))
    assert isinstance(bool(reader), bool)
    assert isinstance(shown(document), str)
    assert all(isinstance(fault, str) for fault in reader.faults.values())


def test_error_names_every_fault():
    error = PayloadError({"a": "one", "b[0].c": "two"}, external_id="X", order_ref="ref", kind="order.created")
    assert str(error) == "a: one; b[0].c: two"
    assert (error.details, error.external_id, error.order_ref, error.kind) == (
        {"a": "one", "b[0].c": "two"}, "X", "ref", "order.created",
    )  # fmt: skip


# -- texts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("  نص  ", 20, "نص"),
        ("a\x00b", 20, "a\ufffdb"),
        ("\ud800x\udfff", 20, "\ufffdx\ufffd"),
        ("abcdef", 3, "abc"),
        ("ab    cd", 4, "ab"),
        ("", 5, ""),
    ],
)
def test_clean_gives_what_a_database_can_hold(text, length, expected):
    assert clean(text, length) == expected


@given(st.text(any_character, max_size=40), st.integers(0, 30))
def test_clean_text_is_storable_short_and_stays_the_same(text, length):
    result = clean(text, length)
    result.encode()
    assert "\x00" not in result
    assert len(result) <= length
    assert clean(result, length) == result


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", '"x"'), ("برجر", '"برجر"'), ("y" * 50, '"' + "y" * 40 + '…"'), ('"', '"\\""'), ("\ud800", '"\ufffd"'),
        (None, "nothing"), (True, "true"), (False, "false"), ({}, "an object"), ([1], "a list"), (5, "5"),
        (Decimal("1.50"), "1.50"), (10**60, "1" + "0" * 39),
    ],
)  # fmt: skip
def test_value_in_a_message_is_short(value, expected):
    assert shown(value) == expected


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [
        ('" a "', "a"),
        ("12", "12"),
        ("12.50", "12.50"),
        ("-3", "-3"),
        ("true", ""),
        ("null", ""),
        ("[]", ""),
        ("{}", ""),
    ],
)
def test_text_of_a_string_or_number(json_text, expected):
    assert read(json_text).text() == expected


def test_text_is_cut_to_255_or_as_told():
    assert read(json.dumps("x" * 300)).text() == "x" * 255
    assert read(json.dumps("x" * 300)).text(10) == "x" * 10
    assert read("9" * 300).text(10) == "9" * 10


def test_text_of_an_escaped_lone_surrogate_can_be_stored():
    assert read('"\\ud83c!"').text() == "\ufffd!"


def test_word_is_lower_case_and_short():
    assert read('" ORDER_Placed "').word() == "order_placed"
    assert read(json.dumps("W" * 80)).word() == "w" * 64
    assert read("true").word() == ""


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [
        ('"gb:a-1"', "gb:a-1"),
        ('" x "', "x"),
        ("10000001", "10000001"),
        ("0", "0"),
        ('""', ""),
        ("null", ""),
        ("true", ""),
    ],
)
def test_identifier_is_a_string_or_number(json_text, expected):
    reader = read(json_text)
    assert (reader.identifier(), reader.faults) == (expected, {})


@pytest.mark.parametrize(
    ("json_text", "fault"),
    [
        ('"a\\u0000b"', "expected an id without NUL or lone surrogates"),
        ('"\\udc00"', "expected an id without NUL or lone surrogates"),
        (json.dumps("x" * 513), "expected an id of at most 512 characters, got 513"),
        ("9" * 513, "expected an id of at most 512 characters, got a longer number"),
    ],
)
def test_identifier_that_cannot_be_a_key_is_a_fault(json_text, fault):
    reader = read(json_text)
    assert (reader.identifier(), reader.faults) == ("", {"x": fault})


@pytest.mark.parametrize("json_text", [json.dumps("x" * MAX_ID_LENGTH), "9" * MAX_ID_LENGTH])
def test_identifier_of_512_characters_is_taken(json_text):
    reader = read(json_text)
    assert (len(reader.identifier()), reader.faults) == (512, {})


@pytest.mark.parametrize(
    ("json_text", "got"),
    [("null", "nothing"), ('"  "', '"  "'), ("[]", "a list"), ("{}", "an object"), ("false", "false")],
)
def test_required_identifier_that_is_missing_is_a_fault(json_text, got):
    reader = read(json_text)
    assert (reader.required_identifier(), reader.faults) == ("", {"x": f"expected an id, got {got}"})


def test_first_fault_of_an_identifier_stands():
    reader = read('"a\\u0000"')
    reader.required_identifier()
    assert reader.faults == {"x": "expected an id without NUL or lone surrogates"}


# -- amounts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [
        ("12.50", "12.50"), ("0", "0"), ("-3.5", "-3.5"), ('"12.500"', "12.500"), ('"-0.001"', "-0.001"),
        ("99999999999", "99999999999"), ("0.0000001", "0.0000001"), ("0.00000000", "0.00000000"),
        ("1." + "1" * 20, "1." + "1" * 20), ('"007"', "007"),
    ],
)  # fmt: skip
def test_amount_is_exactly_as_sent(json_text, expected):
    reader = read(json_text)
    amount = reader.amount()
    assert (amount, reader.faults) == (Decimal(expected), {})
    assert amount.as_tuple().exponent == Decimal(expected).as_tuple().exponent


@pytest.mark.parametrize("json_text", ["null", '""', '"  "'])
def test_amount_that_is_blank_tells_nothing(json_text):
    reader = read(json_text)
    assert (reader.amount(), reader.minor(2), reader.faults) == (None, None, {})


@pytest.mark.parametrize(
    ("json_text", "got"),
    [
        ('"12,50"', '"12,50"'), ('"1e3"', '"1e3"'), ("1e3", "1E+3"), ("1e999999999", "1E+999999999"),
        ('"SAR 5"', '"SAR 5"'), ('" 5"', '" 5"'), ('"+5"', '"+5"'), ('".5"', '".5"'), ('"5."', '"5."'), ('"٥"', '"٥"'),
        ('"NaN"', '"NaN"'), ('"5\\n"', '"5\\n"'), ("true", "true"), ("[]", "a list"), ("{}", "an object"),
        ("100000000000", "100000000000"), ("1." + "1" * 21, "1." + "1" * 21), ("1e-21", "1E-21"),
    ],
)  # fmt: skip
def test_amount_that_is_no_plain_decimal_is_a_fault(json_text, got):
    reader = read(json_text)
    assert (reader.amount(), reader.faults) == (None, {"x": f"expected a plain decimal, got {got}"})


@given(st.decimals(min_value=-99_999_999_999, max_value=99_999_999_999, places=6), st.booleans())
def test_amount_comes_back_from_json(amount, quoted):
    plain = f"{amount:f}"
    reader = read(json.dumps(plain) if quoted else plain)
    assert (reader.amount(), reader.faults) == (amount, {})


@pytest.mark.parametrize(
    ("json_text", "digits", "expected"),
    [
        ("1250", 2, Decimal("12.50")), ("1250", 3, Decimal("1.250")), ("1250", 0, Decimal(1250)),
        ("1250", None, Minor(1250)), ('"-5"', 2, Decimal("-0.05")), ("0", None, Minor(0)),
        ("9" * 14, 2, Decimal("999999999999.99")),
    ],
)  # fmt: skip
def test_minor_units_are_scaled_where_the_currency_is_known(json_text, digits, expected):
    reader = read(json_text)
    assert (reader.minor(digits), reader.faults) == (expected, {})


@pytest.mark.parametrize(
    ("json_text", "got"),
    [("12.5", "12.5"), ("12.0", "12.0"), ('"x"', '"x"'), ("false", "false"), ("[]", "a list"), ("9" * 15, "9" * 15)],
)
def test_minor_units_that_are_not_whole_are_a_fault(json_text, got):
    reader = read(json_text)
    assert (reader.minor(2), reader.faults) == (None, {"x": f"expected a whole number of minor units, got {got}"})


@given(st.integers(-(10**14) + 1, 10**14 - 1), st.integers(0, 4))
def test_minor_units_mean_the_same_scaled_now_or_later(units, digits):
    assert read(str(units)).minor(digits) == to_major(read(str(units)).minor(), digits)


def test_amount_of_takes_the_first_named():
    reader = Reader.from_body(b'{"a":"","b":null,"c":"1.5","d_cents":150,"e":2500,"f":{"g":"9.75"}}')
    assert reader.amount_of(("a", "b", "c", "d_cents"), 2) == Decimal("1.5")
    assert reader.amount_of(("a", "d_cents", "c"), 2) == Decimal("1.50")
    assert reader.amount_of(("d_cents",), None) == Minor(150)
    assert reader.amount_of(("e",), 3, ("e",)) == Decimal("2.500")
    assert reader.amount_of(("e",), 3) == Decimal(2500)
    assert reader.amount_of(("x.y", "f.g"), None) == Decimal("9.75")
    assert reader.amount_of(("a", "b", "nowhere"), 2) is None
    assert reader.amount_of((), 2) is None
    assert reader.faults == {}


# -- quantities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("json_text", "expected"), [("1", 1), ("9999", MAX_QUANTITY), ('"3"', 3), ("2.0", 2), ('"2.000"', 2), ('"007"', 7)]
)
def test_quantity_is_a_whole_number(json_text, expected):
    reader = read(json_text)
    assert (reader.quantity(), reader.faults) == (expected, {})


@pytest.mark.parametrize(
    ("json_text", "fault"),
    [
        ("0", "expected a positive integer, got 0"),
        ("-1", "expected a positive integer, got -1"),
        ("1.5", "expected a positive integer, got 1.5"),
        ('"x"', 'expected a positive integer, got "x"'),
        ('""', 'expected a positive integer, got ""'),
        ('"1 "', 'expected a positive integer, got "1 "'),
        ('"٢"', 'expected a positive integer, got "٢"'),
        ("1e1", "expected a positive integer, got 1E+1"),
        ("true", "expected a positive integer, got true"),
        ("null", "expected a positive integer, got nothing"),
        ("[]", "expected a positive integer, got a list"),
        ("10000", "expected at most 9999, got 10000"),
        ("999999999", "expected at most 9999, got 999999999"),
        ("1000000000", "expected a positive integer, got 1000000000"),
    ],
)
def test_quantity_out_of_bounds_is_a_fault(json_text, fault):
    reader = read(json_text)
    assert (reader.quantity(), reader.faults) == (1, {"x": fault})


def test_quantity_that_is_absent_takes_the_default():
    reader = Reader.from_body(b'{"blank":"","null":null}')
    assert (reader.at("gone").quantity(default=1), reader.at("null").quantity(default=4)) == (1, 4)
    assert reader.faults == {}


@given(st.integers(1, MAX_QUANTITY), st.sampled_from(["{}", '"{}"', "{}.0", '"{}.00"']))
def test_quantity_comes_back_from_json(quantity, form):
    assert read(form.format(quantity)).quantity() == quantity


# -- times -------------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "json_text",
    [
        '"2026-01-10T12:00:00Z"', '"2026-01-10T15:00:00+03:00"', '"2026-01-10 12:00:00"', '"2026-01-10T12:00:00.000Z"',
        '"2026-01-10T12:00:00.000000000Z"', '"20260110T120000Z"', "1768046400", '"1768046400"', "1768046400000",
        "1768046400.0", '" 2026-01-10T12:00Z "',
    ],
)  # fmt: skip
def test_time_is_read_as_utc(json_text):
    moment = read(json_text).time()
    assert (moment, moment.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize(
    "json_text",
    [
        "null", '""', '"soon"', "true", "[]", "0", "-5", "12", '"12:00"', '"2026-13-01T00:00:00Z"',
        '"1969-12-31T23:59:59Z"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', "99999999999999",
        "1e9", '"2026-01-10T12:00:00+99:00"', '"\\u0000"', '"١٧٦٨٠٤٦٤٠٠"', "NaN",
    ],
)  # fmt: skip
def test_time_that_is_none_tells_nothing(json_text):
    reader = read(json_text)
    before = dict(reader.faults)
    assert (reader.time(), reader.faults) == (None, before)


def test_bounds_of_unix_time():
    assert parse_time("100000000") == datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)
    assert parse_time("99999999999") == datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)
    assert parse_time("100000000000") == datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)
    assert parse_time("9999999999000") == datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC)
    assert parse_time("1970-01-01T00:00:00Z") == datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_time_comes_back_from_iso(naive, offset_min):
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    assert parse_time(moment.isoformat()) == moment


# -- flags and coordinates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [("true", True), ("false", False), ('"TRUE"', True), ('"false"', False), ("1", None), ("0", None), ('"yes"', None),
     ("null", None), ("[]", None)],
)  # fmt: skip
def test_flag_is_a_boolean_or_its_word(json_text, expected):
    assert read(json_text).flag() is expected


@pytest.mark.parametrize(
    ("json_text", "bound", "expected"),
    [
        ("24.7136", 90, Decimal("24.7136")), ('"-46.675300"', 180, Decimal("-46.6753")), ("90", 90, Decimal(90)),
        ("-180", 180, Decimal(-180)), ("0", 90, Decimal(0)), ("90.0001", 90, None), ("181", 180, None),
        ('""', 90, None), ('"north"', 90, None), ("null", 90, None), ("true", 90, None), ("[]", 90, None),
        ("1e1", 90, None), ("NaN", 90, None),
    ],
)  # fmt: skip
def test_coordinate_is_within_its_bound(json_text, bound, expected):
    assert read(json_text).coordinate(bound) == expected


# -- walking -----------------------------------------------------------------------------------------------------------


def test_at_walks_and_keeps_the_path():
    reader = Reader.from_body(b'{"a":{"b":{"c":1}},"l":[{"x":"y"}],"s":"text"}')
    assert (reader.at("a.b.c").value, reader.at("a.b.c").path) == (1, "a.b.c")
    assert (reader.at("a").at("b").at("c").value, reader.at("a").at("b").at("c").path) == (1, "a.b.c")
    assert (reader.at("a.nowhere.c").value, reader.at("a.nowhere.c").path) == (None, "a.nowhere.c")
    assert reader.at("s.b").value is None
    assert reader.at("l.0").value is None
    (element,) = reader.at("l").items()
    assert (element.at("x").value, element.at("x").path) == ("y", "l[0].x")


def test_first_is_the_first_that_says_something():
    reader = Reader.from_body(b'{"a":null,"b":"","c":"  ","d":0,"e":"x","f":false}')
    assert reader.first("a", "b", "c", "d", "e").path == "d"
    assert reader.first("b", "f").path == "f"
    assert (reader.first("a", "nowhere").path, reader.first("a", "nowhere").value) == ("a", None)
    assert (reader.first("b", "a").path, reader.first("b", "a").value) == ("b", "")


def test_named_tells_presence_even_of_null():
    reader = Reader.from_body(b'{"a":null,"b":{"c":""},"l":[]}')
    assert reader.named("a")
    assert reader.named("nowhere", "b.c")
    assert not reader.named("c", "b.d", "a.b", "l.0")
    assert not reader.at("a").named("a")
    assert not reader.named()


def test_under_fills_in_only_what_is_lacking():
    body = Reader.from_body(
        b'{"id":"outer","status":"s","note":"n","nil":null,"order":{"id":"inner","status":"","nil":""}}'
    )
    order = body.at("order").under(body, "id", "status", "nil", "gone")
    assert (order.value, order.path) == ({"id": "inner", "status": "s", "nil": None}, "order")
    assert body.at("order").value == {"id": "inner", "status": "", "nil": ""}


def test_under_keeps_zero_and_false():
    body = Reader.from_body(b'{"a":1,"b":true,"order":{"a":0,"b":false}}')
    assert body.at("order").under(body, "a", "b").value == {"a": 0, "b": False}


def test_faults_of_a_child_reach_the_root():
    reader = Reader.from_body(b'{"order":{"l":[{"q":"x"}]},"status":"s"}')
    order = reader.at("order").under(reader, "status")
    for line in order.at("l").objects():
        line.at("q").quantity()
    order.at("status").warn("is odd")
    reader.warn("whole")
    assert reader.faults == {"order.l[0].q": 'expected a positive integer, got "x"'}
    assert reader.warnings == ("order.status: is odd", "body: whole")


def test_first_fault_of_a_path_stands():
    reader = Reader.from_body(b"{}")
    reader.fault("one")
    reader.fault("two")
    assert reader.faults == {"body": "one"}


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [
        ("null", False),
        ('""', False),
        ('" \\t"', False),
        ('"x"', True),
        ("0", True),
        ("false", True),
        ("[]", True),
        ("{}", True),
    ],
)
def test_reader_is_true_where_there_is_something(json_text, expected):
    assert bool(read(json_text)) is expected


def test_items_yield_elements_with_their_index():
    assert [(item.path, item.value) for item in read('["a",null,3]').items()] == [
        ("x[0]", "a"),
        ("x[1]", None),
        ("x[2]", 3),
    ]


@pytest.mark.parametrize("json_text", ["null", "[]", '""'])
def test_items_of_nothing_are_none(json_text):
    reader = read(json_text)
    assert (list(reader.items()), reader.faults) == ([], {})


@pytest.mark.parametrize(("json_text", "got"), [('"x"', '"x"'), ("{}", "an object"), ("5", "5"), ("false", "false")])
def test_items_of_what_is_no_list_are_a_fault(json_text, got):
    reader = read(json_text)
    assert (list(reader.items()), reader.faults) == ([], {"x": f"expected a list, got {got}"})


def test_objects_skip_and_fault_other_elements():
    reader = read('[{"a":1},5,null,[],{"a":2}]')
    assert [element.at("a").value for element in reader.objects()] == [1, 2]
    assert reader.faults == {
        "x[1]": "expected an object, got 5",
        "x[2]": "expected an object, got nothing",
        "x[3]": "expected an object, got a list",
    }


def test_path_of_an_odd_key_can_be_stored():
    reader = Reader.from_body(b'{"a\\u0000b":{"\\ud800":NaN}}')
    assert reader.faults == {"a\ufffdb.\ufffd": "expected a number, got NaN"}
    long_key = Reader.from_body(b'{"' + b"k" * 100 + b'":NaN}')
    assert long_key.faults == {"k" * 64: "expected a number, got NaN"}


@pytest.mark.parametrize("part", [b"[]", b"{}", b"NaN", b"-Infinity", b"1", b'""'])
def test_body_of_too_many_values_is_refused_before_it_is_built(part):
    body = b"[" + (part + b",") * 50_000 + b"1]"
    assert load_json(body) == (None, {"body": "expected at most 50000 values"})


def test_body_of_fifty_thousand_values_is_read():
    assert load_json(b"[" + b"1," * 49_999 + b"1]") == ([1] * 50_000, {})


def test_a_person_is_told_of_fifty_faults_at_most():
    reader = Reader.from_body(b'{"items": [' + b'{"quantity": "x"},' * 80 + b'{"quantity": "x"}]}')
    for line in reader.at("items").objects():
        line.at("quantity").quantity()
    assert len(reader.faults) == 50
    assert reader.faults["items[0].quantity"] == 'expected a positive integer, got "x"'


def test_readers_of_one_request_share_its_document_and_not_its_faults():
    from providers.signatures import InboundRequest

    request = InboundRequest(b'{"a": "x"}', {})
    first, second = Reader.from_document(*request.document), Reader.from_document(*request.document)
    first.at("a").quantity()
    assert first.value is second.value
    assert (len(first.faults), len(second.faults)) == (1, 0)
