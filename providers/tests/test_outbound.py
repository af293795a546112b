from __future__ import annotations

import pytest

from providers.outbound import (
    OutboundAnswer,
    OutboundRequest,
    RejectReason,
    TokenError,
    Verdict,
    choose_reason,
    judge_status,
    retry_after_s,
    seconds,
)
from providers.registry import ADAPTERS
from providers.tests.calls import NOW, answer, api

CALLED = [slug for slug, adapter in ADAPTERS.items() if adapter.calls]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "done"), (201, "done"), (204, "done"), (301, "permanent"), (307, "permanent"), (400, "permanent"),
        (401, "refresh_token"), (403, "permanent"), (404, "permanent"), (408, "retry"), (409, "permanent"),
        (410, "permanent"), (422, "permanent"), (425, "retry"), (429, "retry"), (500, "retry"), (503, "retry"),
    ],
)  # fmt: skip
def test_a_status_is_judged_as_all_mean_it(status, verdict):
    assert judge_status(answer(status), NOW).verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("", None), ("5", 5.0), ("0", 1.0), ("100000", 900.0), ("soon", None), ("-5", None), ("٥", None),
        ("Sat, 10 Jan 2026 12:00:30 GMT", 30.0), ("Sat, 10 Jan 2026 11:00:00 GMT", 1.0), ("9" * 400, 900.0),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(text, wait_s):
    assert retry_after_s(OutboundAnswer(status=429, headers={"retry-after": text}), NOW) == wait_s


@pytest.mark.parametrize(
    ("value", "life_s"),
    [(3600, 3600.0), ("300", 300.0), (10**9, 300.0), (None, 300.0), (True, 300.0), (-1, 300.0), (99_999, 86_400.0),
     (float("nan"), 300.0)],
)  # fmt: skip
def test_a_tokens_life_is_what_the_answer_tells(value, life_s):
    assert seconds(value, 300.0) == life_s


@pytest.mark.parametrize(
    "document", [None, [], {}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a\nb"}]
)
def test_an_answer_without_a_token_is_a_fault(document):
    with pytest.raises(TokenError):
        ADAPTERS["careem"].calls.read_token(answer(200, document))


def test_a_persons_words_go_as_the_reason_other():
    table = (RejectReason("BUSY", "Too busy"), RejectReason("LATE", "Late", after_acceptance=False))
    assert choose_reason(table, " busy ", other="OTHER") == ("BUSY", "Too busy")
    assert choose_reason(table, "the oven is broken", other="OTHER") == ("OTHER", "the oven is broken")
    assert choose_reason(table, "LATE", other="OTHER", accepted=True) == ("OTHER", "Late")
    assert choose_reason(table, "", other="OTHER") == ("OTHER", "")


@pytest.mark.parametrize("slug", CALLED)
def test_no_secret_shows_in_a_text_of_a_request(slug):
    calls = ADAPTERS[slug].calls
    access = api(calls)
    request = calls.token_request(access)
    assert request.hides_body
    assert not any(secret in f"{access!r}" for secret in access.secrets.values())
    assert not any(secret in f"{request!r}".split("headers=")[0] for secret in access.secrets.values())
    authorized = calls.authorize(OutboundRequest(method="GET", url="https://x.example.com"), access, "t")
    assert {name.lower() for name in authorized.headers} - {"user-agent"} <= set(authorized.secret_headers)


@pytest.mark.parametrize("slug", CALLED)
def test_a_base_url_stands_in_for_every_host(slug):
    calls = ADAPTERS[slug].calls
    hosts = calls.hosts(is_sandbox=True, base_url="https://proxy.example.com/x/")
    assert (hosts.api, hosts.auth) == ("https://proxy.example.com/x",) * 2
    request = calls.token_request(api(calls, base_url="https://proxy.example.com/x/"))
    assert request.url.startswith("https://proxy.example.com/x/")


@pytest.mark.parametrize("slug", CALLED)
def test_every_provider_tells_why_an_order_may_be_refused(slug):
    reasons = ADAPTERS[slug].reject_reasons
    assert len(reasons) >= 4
    assert len({reason.code for reason in reasons}) == len(reasons)
    assert all(reason.label for reason in reasons)
