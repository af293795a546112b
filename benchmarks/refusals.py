"""Whether the time of a refusal tells why: ``python -m benchmarks.refusals [TRIES]``.

Starts a server of its own, sends each kind of request that fails its proof in turns, and prints the median and the
spread of each kind. All get the same answer; in the same time, if the medians lie within two milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRIES = 400
WARM_UP = 20
START_WITHIN_S = 60
GREATEST_SPREAD_MS = 2.0
DOOR = "/api/integration/webhook/careem"
BODY = b'{"event_type": "order_created", "order_id": "1000001"}'
_PREPARE = """
from integration.models import ProviderCredential
ProviderCredential.objects.filter(company__slug="disabled", provider="careem").update(is_enabled=False)
ProviderCredential.objects.filter(company__slug="listed", provider="careem").update(allowed_ips=["192.0.2.1"])
"""
_REASONS = """
from integration.models import WebhookLog
print(", ".join(sorted(set(WebhookLog.objects.filter(status="rejected").values_list("error", flat=True)))))
"""


def manage(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout


def signed(company: dict[str, Any], at: float) -> dict[str, str]:
    """Return the proof of the hub's dialect over the body, as of a time."""
    secret, timestamp = company["credentials"]["careem"]["webhookSecret"].encode(), str(int(at))
    digest = hmac.new(secret, timestamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    return {"x-careem-signature": digest, "x-careem-timestamp": timestamp}


def kinds(known: dict[str, Any], disabled: dict[str, Any], listed: dict[str, Any]) -> dict[str, Any]:
    """Return name to what makes the path and headers of one request: every one of them is refused."""
    return {
        "no proof": lambda: (known["companyId"], {}),
        "wrong proof": lambda: (known["companyId"], {**signed(known, time.time()), "x-careem-signature": "0" * 64}),
        "unknown company": lambda: (str(uuid.uuid4()), signed(known, time.time())),
        "no company's id": lambda: ("nobody", signed(known, time.time())),
        "disabled": lambda: (disabled["companyId"], signed(disabled, time.time())),
        "outside the allow-list": lambda: (listed["companyId"], signed(listed, time.time())),
        "old timestamp": lambda: (known["companyId"], signed(known, time.time() - 3600)),
    }


def measure(port: int, makers: dict[str, Any], tries: int) -> tuple[dict[str, list[float]], set[bytes]]:
    """Return the times in milliseconds of each kind, tried in turns so that a slow moment meets all, and the answers."""
    times: dict[str, list[float]] = {name: [] for name in makers}
    answers: set[bytes] = set()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for number in range(tries + WARM_UP):
        for name, make in makers.items():
            company, headers = make()
            started = time.perf_counter()
            line.request("POST", f"{DOOR}/{company}", BODY, {"Content-Type": "application/json", **headers})
            response = line.getresponse()
            body = response.read()
            if number >= WARM_UP:
                times[name].append((time.perf_counter() - started) * 1000)
            answers.add(f"{response.status} ".encode() + body)
    line.close()
    return times, answers


def start(environ: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-m", "restaurant_integration.embedded"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The server did not start.")


def main() -> int:
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else TRIES
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="refusals-") as folder:
        environ = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "WEBHOOK_RATE_LIMIT": "off"}
        manage(environ, "prepare")
        made = [
            json.loads(manage(environ, "bootstrap_company", "--name", name, "--providers", "careem", "--json"))
            for name in ("Known", "Disabled", "Listed")
        ]
        manage(environ, "shell", "--no-imports", "-c", _PREPARE)
        server = start(environ, port)
        try:
            times, answers = measure(port, kinds(*made), tries)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)
        reasons = manage(environ, "shell", "--no-imports", "-c", _REASONS).strip()
    print(f"{tries} tries each, in milliseconds:\n")
    for name, found in times.items():
        quartiles = statistics.quantiles(found, n=4)
        print(f"  {name:<24} median {quartiles[1]:7.2f}   quartiles {quartiles[0]:7.2f} to {quartiles[2]:7.2f}")
    medians = [statistics.median(found) for found in times.values()]
    spread = max(medians) - min(medians)
    print(f"\n  spread of the medians    {spread:.2f}")
    print(f"  different answers        {len(answers)}")
    print(f"  true reasons, in our log {reasons}")
    return 0 if spread <= GREATEST_SPREAD_MS and len(answers) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
