"""Static files under ASGI: what is sent, what is not sent again, and what nobody gets."""

from __future__ import annotations

import gzip
import os
import warnings
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from restaurant_integration.static_files import CHUNK, StaticFiles, with_static_files


async def other(scope, receive, send):
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


@pytest.fixture
def root(tmp_path):
    """Collected files in a directory of their own, and a secret beside it."""
    collected = tmp_path / "static"
    (collected / "css").mkdir(parents=True)
    (collected / "css" / "page.css").write_text("body{}")
    (collected / "app.0123456789ab.js").write_text("let x")
    (collected / "large.bin").write_bytes(b"x" * (2 * CHUNK + 7))
    (collected / "data.json.gz").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "secret.txt").write_text("secret")
    os.utime(collected / "css" / "page.css", (1_700_000_000, 1_700_000_000))
    with override_settings(STATIC_ROOT=Path(collected), STATIC_URL="/static/"):
        yield collected


async def get(path, method="GET", **headers):
    """Return status, headers and body of a request."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await StaticFiles(other)(scope, None, send)
    start, *bodies = sent
    assert not bodies[-1].get("more_body")
    body = b"".join(message["body"] for message in bodies)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body


async def test_a_file_is_sent_with_all_that_a_browser_needs(root):
    status, headers, body = await get("/static/css/page.css")

    assert (status, body) == (200, b"body{}")
    assert headers == {
        "etag": '"18bcfe56800-6"',
        "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "cache-control": "public, no-cache",
        "x-content-type-options": "nosniff",
        "content-type": "text/css; charset=utf-8",
        "content-length": "6",
    }


async def test_a_file_of_an_app_is_found_without_collecting():
    status, headers, body = await get("/static/rest_framework/css/default.css")

    assert (status, headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert len(body) == int(headers["content-length"]) > 0


async def test_a_name_with_a_digest_never_changes(root):
    _, headers, _ = await get("/static/app.0123456789ab.js")

    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_large_file_comes_whole(root):
    _, headers, body = await get("/static/large.bin")

    assert len(body) == int(headers["content-length"]) == 2 * CHUNK + 7
    assert headers["content-type"] == "application/octet-stream"


async def test_a_packed_file_is_not_taken_for_what_is_in_it(root):
    _, headers, _ = await get("/static/data.json.gz")

    assert headers["content-type"] == "application/gzip"


async def test_head_sends_no_body(root):
    status, headers, body = await get("/static/css/page.css", "HEAD")

    assert (status, headers["content-length"], body) == (200, "6", b"")


@pytest.mark.parametrize(
    "known",
    [
        {"if_none_match": '"18bcfe56800-6"'},
        {"if_none_match": 'W/"18bcfe56800-6"'},
        {"if_none_match": '"x", "18bcfe56800-6"'},
        {"if_none_match": "*"},
        {"if_modified_since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    ],
)
async def test_what_a_browser_has_is_not_sent_again(root, known):
    status, headers, body = await get("/static/css/page.css", **known)

    assert (status, body, headers["etag"]) == (304, b"", '"18bcfe56800-6"')
    assert "content-length" not in headers


@pytest.mark.parametrize(
    "stale",
    [
        {"if_none_match": '"x"'},
        {"if_none_match": '"x"', "if_modified_since": "Tue, 14 Nov 2023 22:13:20 GMT"},
        {"if_modified_since": "Mon, 13 Nov 2023 22:13:20 GMT"},
        {"if_modified_since": "never"},
    ],
)
async def test_a_changed_file_is_sent_again(root, stale):
    assert (await get("/static/css/page.css", **stale))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/css",
        "/static/css/",
        "/static/nothing.css",
        "/static/../secret.txt",
        "/static/css/../../secret.txt",
        "/static//etc/passwd",
        "/static/./../secret.txt",
        "/static/..\\secret.txt",
        "/static/css/page.css\x00",
        "/static/" + "x" * 5000,
        "/static/css/page.css/x",
    ],
)
async def test_what_is_no_static_file_is_404(root, path):
    status, _, body = await get(path)

    assert (status, body) == (404, b"Not found")


async def test_escaped_dots_are_no_way_out(root):
    assert (await get("/static/%2e%2e/secret.txt"))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_static_files_are_only_read(root, method):
    status, headers, _ = await get("/static/css/page.css", method)

    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/staticfiles", "/api/orders"])
async def test_everything_else_is_the_applications(root, path):
    assert (await get(path))[0] == 299


# -- under a WSGI server -----------------------------------------------------------------------------------------------


def ask(path: str, method: str = "GET", **environ: str) -> tuple[str, dict[str, str], bytes]:
    """Return status, headers and body of a request to the WSGI application with static files before it."""
    said: list[tuple[str, dict[str, str]]] = []

    def application(environ, start_response):
        start_response("299 Other", [])
        return [b"the application"]

    asked = {"PATH_INFO": path, "REQUEST_METHOD": method, **environ}
    pieces = with_static_files(application)(asked, lambda status, headers: said.append((status, dict(headers))))
    body = b"".join(pieces)
    if hasattr(pieces, "close"):
        pieces.close()
    return *said[0], body


def test_web_sends_what_the_apps_have_without_collecting_it():
    status, headers, body = ask("/static/css/base.css")
    assert (status, body) == ("200 OK", Path(settings.BASE_DIR, "static/css/base.css").read_bytes())
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("max-age=0, public", "nosniff")
    assert "Access-Control-Allow-Origin" not in headers
    assert ask("/static/admin/css/base.css")[0] == "200 OK"


def test_web_sends_nothing_again_that_is_known():
    etag = ask("/static/css/base.css")[1]["ETag"]
    assert ask("/static/css/base.css", HTTP_IF_NONE_MATCH=etag)[0] == "304 Not Modified"


@pytest.mark.parametrize("path", ["/static/no.css", "/static/../manage.py", "/static/", "/orders/"])
def test_web_hands_everything_else_on(path):
    assert ask(path) == ("299 Other", {}, b"the application")
