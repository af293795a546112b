"""A request's id: taken where it is one, made where not, answered, and in every line."""

from __future__ import annotations

import json
import logging
import re

import pytest
from django.test import Client

from orders.logs import JsonFormatter, RedactingFilter, TextFormatter, following, request_id_var


def answered(**headers: str) -> str:
    return Client().get("/livez", headers=headers)["X-Request-Id"]


@pytest.mark.parametrize("given", ["abcd1234", "A-b_9" * 8, "0" * 64])
def test_an_id_that_is_one_is_kept(given):
    assert answered(**{"X-Request-Id": given}) == given


NONE = ["", "short", "x" * 65, "with space", "lina@example.com", "a\tb12345678", "é" * 9, "+962790123456"]


@pytest.mark.parametrize("given", NONE)
def test_anything_else_gets_one_of_ours(given):
    assert re.fullmatch("[0-9a-f]{32}", answered(**{"X-Request-Id": given}))


def test_two_requests_have_two_ids():
    assert answered() != answered()


def test_the_answer_of_a_refusal_names_it_too():
    assert Client().post("/livez", headers={"X-Request-Id": "abcd1234"})["X-Request-Id"] == "abcd1234"


def test_nothing_is_left_behind():
    answered()
    assert request_id_var.get() == ""


def line_of(formatter: logging.Formatter) -> str:
    record = logging.LogRecord("orders", logging.INFO, __file__, 1, "Something", (), None)
    RedactingFilter().filter(record)
    return formatter.format(record)


def test_a_line_for_people_ends_with_it():
    text = TextFormatter(fmt="%(levelname)s %(message)s")
    assert line_of(text) == "INFO Something"
    with following("abcd1234"):
        assert line_of(text) == "INFO Something [abcd1234]"


def test_a_line_of_json_has_it():
    with following("abcd1234"):
        line = json.loads(line_of(JsonFormatter()))
    assert (line["requestId"], line["level"], line["logger"]) == ("abcd1234", "info", "orders")
    assert "requestId" not in json.loads(line_of(JsonFormatter()))


def test_what_follows_nothing_keeps_what_was_there():
    with following("outer-id"), following(""):
        assert request_id_var.get() == "outer-id"
