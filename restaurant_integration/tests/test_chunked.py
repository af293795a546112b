"""Under gunicorn, an order that comes in chunks is read like any other, and a bad one is refused early."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO

import pytest
from django.conf import settings

from restaurant_integration.chunked import MAX_BODY_BYTES, ChunkedBodies
from restaurant_integration.tests.test_hostile import (
    DOOR,
    MIB,
    ImpatientServer,
    order,
    request,
    signature,
    statuses,
)


def call(body: bytes, **environ):
    """Return what the application behind got, and the status if it got nothing."""
    got, said = [], []

    def application(inner, start_response):
        got.append((inner.get("CONTENT_LENGTH"), inner["wsgi.input"].read(), "HTTP_TRANSFER_ENCODING" in inner))
        return []

    given = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"} | environ
    answer = ChunkedBodies(application)(given, lambda status, headers: said.append((status, dict(headers))))
    return got, said, b"".join(answer)


def test_a_chunked_body_gets_its_length():
    assert call(b"{}")[0] == [("2", b"{}", False)]
    assert call(b"")[0] == [("0", b"", False)]


def test_a_body_at_the_limit_passes_and_one_above_is_413():
    assert call(b"x" * MAX_BODY_BYTES)[0][0][0] == str(MAX_BODY_BYTES)
    got, said, answer = call(b"x" * (MAX_BODY_BYTES + 1))
    assert (got, said[0][0], said[0][1]["Connection"]) == ([], "413 Payload Too Large", "close")
    assert json.loads(answer)["error"] == "payload_too_large"


@pytest.mark.parametrize(
    "environ", [{"wsgi.input_terminated": False}, {"HTTP_TRANSFER_ENCODING": ""}, {"CONTENT_LENGTH": "1"}]
)
def test_anything_else_passes_as_it_is(environ):
    got, said, _ = call(b"{}", **environ)
    assert got[0][1] == b"{}"
    assert said == []


def test_a_body_that_breaks_off_is_400():
    class Broken(BytesIO):
        def read(self, size=-1):
            raise OSError

    got, said, answer = call(b"", **{"wsgi.input": Broken()})
    assert (got, said[0][0], json.loads(answer)["success"]) == ([], "400 Bad Request", False)


class Gunicorn(ImpatientServer):
    """The production server of everything but the sockets."""

    def start(self) -> subprocess.Popen[str]:
        prepared = self.manage("prepare")
        assert prepared.returncode == 0, prepared.stderr
        with self.log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "restaurant_integration.wsgi"],
                cwd=settings.BASE_DIR, env=self.environment, stdout=subprocess.DEVNULL, stderr=log, text=True,
            )  # fmt: skip


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory):
    running = Gunicorn(tmp_path_factory.mktemp("gunicorn"))
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n" % len(chunk) + chunk + b"\r\n" for chunk in chunks) + b"0\r\n\r\n"


def test_a_signed_delivery_in_chunks_is_taken(gunicorn):
    made = gunicorn.manage("bootstrap_company", "--name", "Amman Grill", "--providers", "careem", "--json")
    company, body = json.loads(made.stdout), order("in-chunks")
    head = request(f"{DOOR}/{company['companyId']}", signature(company, body), b"Transfer-Encoding: chunked",
                   body=b"", length=False)  # fmt: skip
    # Authentic and stored; it lacks its lines, so it waits for a person.
    assert statuses(gunicorn.say(head, chunked(body[:10], body[10:]))) == [202]
    assert statuses(gunicorn.say(head, chunked(body + b" "))) == [401]


def test_megabytes_in_chunks_are_refused(gunicorn):
    head = request(DOOR, b"Transfer-Encoding: chunked", body=b"", length=False)
    # The line is closed on what still comes, which can take the answer with it.
    assert statuses(gunicorn.say(head, chunked(*[b" " * MIB] * 2))) in ([413], [])


def test_chunks_that_are_none_are_refused(gunicorn):
    head = request(DOOR, b"Transfer-Encoding: chunked", body=b"", length=False)
    assert statuses(gunicorn.say(head, b"zz\r\n{}\r\n0\r\n\r\n")) == [400]
    assert "Traceback" not in gunicorn.log.read_text()
