"""What is refused costs little, whatever it is made of: nobody who proves nothing keeps a processor busy.

The tests tell what grows without measure from what does not. The figure itself, a tenth of a second, is measured on a quiet
machine by ``REFUSAL_CPU_S=0.1 python -m pytest integration/tests/test_refusal_cost.py``.
"""

from __future__ import annotations

import os
import time

import pytest
from django.test import Client

from integration.models import WebhookBody, WebhookLog
from integration.tests.processor import quickest

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

MIB = 1024 * 1024
MOST_CPU_S = float(os.environ.get("REFUSAL_CPU_S", "5"))
TRIES = 5


def of(start: bytes, part: bytes, end: bytes = b"") -> bytes:
    """Return a body of at most a mebibyte, filled with a part."""
    return start + part * ((MIB - len(start) - len(end)) // len(part)) + end


def keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%d":1' % number for number in range(count)) + b"}"


BODIES = {
    "brackets": of(b"", b"["),
    "pairs of brackets": of(b"[", b"[],", b"[]]"),
    "brackets below the limit": b"[" * 49_999,
    "pairs of brackets below the limit": b"[" + b"[]," * 24_000 + b"[]]",
    "numbers below the limit": b"[" + b"1," * 49_000 + b"1]",
    "long fractions below the limit": b"[" + b"0.12345678901234567," * 49_000 + b"1]",
    "constants below the limit": b"[" + b"-Infinity," * 24_000 + b"1]",
    "keys below the limit": keys(49_000),
    "objects in objects": of(b"", b'{"a":')[: 6 * 49_000],
    "numbers": of(b"[", b"1,", b"1]"),
    "fractions": of(b"[", b"1.1,", b"1]"),
    "exponents": of(b"[", b"1e9,", b"1]"),
    "huge exponents": of(b"[", b"1e999999999999999999,", b"1]"),
    "one long integer": of(b"", b"9"),
    "one long fraction": of(b"0.", b"9"),
    "long integers": of(b"[", b"9" * 41 + b",", b"1]"),
    "constants": of(b"[", b"NaN,", b"1]"),
    "infinities": of(b"[", b"-Infinity,", b"1]"),
    "keys": keys(100_000)[:MIB],
    "one key again and again": of(b"{", b'"a":1,', b'"a":1}'),
    "escapes": of(b'"', b"\\ud800", b'"'),
    "line breaks in one text": of(b'"', b"\\n", b'"'),
    "text without end": of(b'"', b"a"),
    "backslashes": of(b'"', b"\\\\"),
    "blanks": of(b"", b" "),
    "a company of a mebibyte": of(b'{"companyId":"', b"a", b'"}'),
    "a store of a mebibyte": of(b'{"order":{"store_id":"', b"a", b'"}}'),
    "stores": of(b'{"storeIds":[', b'"a",', b'"a"]}'),
    "no UTF-8": of(b"", b"\xff"),
    "UTF-8 of four bytes": of(b'"', "😀".encode(), b'"'),
    "noise": bytes(number * 7919 % 251 for number in range(MIB)),
}


def cpu_of(url: str, body: bytes, **headers: str) -> tuple[float, int]:
    """Return the processor time of this thread that an answer took, at the first try that is quick enough, and its status."""
    client = Client()

    def send(_: int):
        return client.generic("POST", url, body, content_type="application/json", headers=headers)

    spent, answer = quickest(send, MOST_CPU_S, TRIES)
    return spent, answer.status_code


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("door", ["careem", "talabat", "deliveroo", "jahez", ""])
def test_a_refused_body_keeps_no_processor_busy(amman, settings, door, name):
    settings.WEBHOOK_RATE_LIMIT = "off"
    url = "/api/integration/webhook" + (f"/{door}" if door else "")
    proofs = {"x-careem-signature": "0" * 64, "x-api-key": "k", "x-deliveroo-hmac-sha256": "a", "authorization": "Bearer x",
              "x-nexara-signature": "0" * 64, "x-timestamp": str(int(time.time())), "x-webhook-id": "w"}  # fmt: skip
    assert len(BODIES[name]) <= MIB
    spent, status = cpu_of(url, BODIES[name], **proofs)
    assert status == 401
    assert not WebhookBody.objects.exists()
    assert set(WebhookLog.objects.values_list("status", flat=True)) == {"rejected"}
    assert spent < MOST_CPU_S, f"{spent:.3f} s"
