"""The audit of dependencies against a source of its own: found, clean, or said plainly not to be made."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

INSTALLED = ("requirements.txt", "requirements-dev.txt")
CLEAN = (200, b"{}")
WEAK = {
    "vulns": [{
        "id": "TEST-2026-1", "summary": "Invented.", "details": "Invented.", "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z", "aliases": [],
        "affected": [{
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}], "versions": ["5.2.19"],
        }],
    }],
}  # fmt: skip


@pytest.fixture
def source():
    """Serve one answer for django and the clean one for the rest; ``said`` sets it, ``asked`` has the names."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self):
            name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            self.server.asked.append(name)
            status, body = self.server.said if name == "django" else CLEAN
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    server.said, server.asked = CLEAN, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def audit(port: int, *files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ".ci/audit.py", "--url", f"http://127.0.0.1:{port}/v1/query", *(files or INSTALLED)],
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_without_a_known_weakness_every_pinned_package_was_asked_for(source):
    done = audit(source.server_port)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{len(source.asked)} packages audited, 0 with a known weakness.\n")
    assert {"django", "celery", "gunicorn", "pytest", "mypy"} <= set(source.asked)


def test_a_known_weakness_is_named_and_fails(source):
    source.said = (200, json.dumps(WEAK).encode())
    done = audit(source.server_port)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "django 5.2.19: TEST-2026-1, mended in 99.1"
    assert done.stdout.endswith("packages audited, 1 with a known weakness.\n")


@pytest.mark.parametrize("said", [(500, b"{}"), (404, b"{}"), (200, b"<html>a proxy's page</html>")])
def test_a_source_that_does_not_answer_for_one_package_is_no_audit(source, said):
    source.said = said
    done = audit(source.server_port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Could not audit, so nothing is known: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_source_out_of_reach_is_no_audit(source):
    source.shutdown()
    source.server_close()
    done = audit(source.server_port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Could not audit, so nothing is known: ")


def test_a_pinned_package_that_is_not_installed_is_no_audit(source, tmp_path):
    required = tmp_path / "requirements.txt"
    required.write_text("-r other.txt\ndjango==5.2.19\nnot_installed[extra]==1.0\n")
    done = audit(source.server_port, str(required))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Could not audit, so nothing is known: not-installed 1.0 is not installed\n"
