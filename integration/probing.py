"""A probe: asks an installation from another place whether it could take an order, and reports what it saw.

It runs on a machine that does not share the installation's network, power or name server. While the installation is away it
keeps what it counted, and reports it afterwards: reporting the same again changes nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import requests
from django.utils import timezone

from integration.availability import DAYS, STEP
from orders.times import floor_time, iso_time

READY, REPORTS = "/readyz", "/api/integration/probes"
REPORT_EVERY_S = 60.0
MOST_STEPS = int(DAYS * 24 * 3600 / STEP.total_seconds())
BATCH = 500


@dataclass(slots=True)
class Probe:
    """Asks ``url`` every so often. Without a token it only says what it sees."""

    url: str
    name: str
    token: str = ""
    report_to: str = ""
    timeout_s: float = 5.0
    every_s: float = 15.0
    say: Callable[[str], object] = print
    counts: dict[datetime, list[int]] = field(default_factory=dict)
    away_since: datetime | None = None
    began: datetime | None = None
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # No proxy and no password of this machine: a provider has none of them either.
        self._session.trust_env = False

    def look(self) -> str:
        """Return ``""`` where an order could be taken, else why not in a word or two."""
        started = time.monotonic()
        try:
            answer = self._session.get(f"{self.url}{READY}", timeout=self.timeout_s, allow_redirects=False)
        except requests.Timeout:
            return "no answer in time"
        except requests.exceptions.SSLError:
            return "its certificate is not valid"
        except requests.RequestException:
            return "it cannot be reached"
        if time.monotonic() - started > self.timeout_s:
            return "no answer in time"
        return "" if answer.status_code == 200 else f"it answers {answer.status_code}"

    def note(self, reason: str, now: datetime) -> None:
        """Count a look. The five minutes in which the probe began are left out: an earlier run may have counted them."""
        step = floor_time(now, STEP)
        self.began = self.began or step
        if reason and self.away_since is None:
            self.away_since = now
            self.say(f"{iso_time(now)} away: {reason}")
        elif not reason and self.away_since is not None:
            self.say(f"{iso_time(now)} answers again, after {(now - self.away_since).total_seconds():.0f} s")
            self.away_since = None
        if step > self.began:
            entry = self.counts.setdefault(step, [0, 0])
            entry[0] += 1
            entry[1] += bool(reason)
            for old in sorted(self.counts)[:-MOST_STEPS]:
                del self.counts[old]

    def report(self, now: datetime) -> bool:
        """Report what is not reported yet; return whether the installation took it."""
        if not self.token or not self.counts:
            return True
        steps = sorted(self.counts)[:BATCH]
        samples = [
            {"startedAt": iso_time(step), "asked": self.counts[step][0], "failed": self.counts[step][1]}
            for step in steps
        ]
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = self._session.post(
                f"{self.report_to or self.url}{REPORTS}", json={"probe": self.name, "samples": samples},
                headers=headers, timeout=self.timeout_s, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            self.say(f"{iso_time(now)} the report was answered {answer.status_code}")
            return False
        for step in steps:
            # The running one is told again when it is whole.
            if step < floor_time(now, STEP):
                del self.counts[step]
        return True

    def run(self, stop: threading.Event) -> None:
        """Look and report until told to stop."""
        next_look, next_report = time.monotonic(), time.monotonic() + REPORT_EVERY_S
        while not stop.wait(max(0.0, next_look - time.monotonic())):
            next_look = max(next_look + self.every_s, time.monotonic())
            self.note(self.look(), timezone.now())
            if time.monotonic() >= next_report:
                next_report = time.monotonic() + REPORT_EVERY_S
                self.report(timezone.now())
        self.report(timezone.now())
