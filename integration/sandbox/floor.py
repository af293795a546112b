"""The people of a rush: customers who order at the sandbox, staff who work through our API. Everything goes over HTTP."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import requests

from integration.sandbox.rush import PlannedOrder

WORKERS = 8
TIMEOUT_S = (3.05, 10.0)
PLACE_TRIES = 5
STEP_TRIES = 15
AGAIN_S = 1.0
LONGEST_WAIT_S = 5.0
FINISHED = frozenset({"delivered", "cancelled", "rejected", "failed"})
LATE = "late"
"""The step of naming another preparation time."""
LATE_AFTER_S = 5.0
PROMISED_MINUTES, LATE_MINUTES = 15, 20
CHAIN = ("confirmed", "preparing", "ready", "out_for_delivery", "delivered")


class FloorError(Exception):
    """The rush cannot go on; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that the sandbox took."""

    planned: PlannedOrder
    order_id: str
    external_id: str
    carried_by_provider: bool
    is_scheduled: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does next with an order: ``place`` it, or move it to a status."""

    planned: PlannedOrder
    word: str = "place"
    placed: Placed | None = None
    tries: int = 0


Later = tuple[float, Step]
"""Real seconds from now, and what is done then."""


class Floor:
    """Plays a plan. ``keys`` are API tokens: each order's calls go with one of them, so that no token calls too often."""

    def __init__(
        self, url: str, keys: Sequence[str], *, speed: float, has_staff: bool, on_placed: Callable[[Placed], None]
    ) -> None:
        self.url, self.keys, self.speed, self.has_staff = url, keys, speed, has_staff
        self.on_placed = on_placed
        self.refused = 0
        """Orders that the sandbox did not take."""
        self._is_answered = False
        self._sessions = threading.local()

    def play(
        self, plan: Sequence[PlannedOrder], *, stop: threading.Event, settle_s: float, is_settled: Callable[[], bool]
    ) -> None:
        """Place every order at its time and work on them; return when all is settled, at the latest ``settle_s`` after
        the last one, or soon after ``stop`` is set. Raises FloorError.
        """
        numbers = itertools.count()
        started = time.monotonic()
        agenda: list[tuple[float, int, Step]] = [(started + p.at_s, next(numbers), Step(p)) for p in plan]
        heapq.heapify(agenda)
        last_at = started + (plan[-1].at_s if plan else 0.0)
        running: set[Future[Later | None]] = set()
        looked_at = 0.0
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="floor") as pool:
            try:
                while not stop.is_set():
                    now = time.monotonic()
                    while agenda and agenda[0][0] <= now and len(running) < WORKERS * 2:
                        running.add(pool.submit(self._act, heapq.heappop(agenda)[2]))
                    if now > last_at + settle_s:
                        return
                    if now > last_at and not running and now - looked_at > 1.0:
                        looked_at = now
                        if not any(step.word == "place" for _, _, step in agenda) and is_settled():
                            return
                    due_in_s = agenda[0][0] - now if agenda and len(running) < WORKERS * 2 else 0.2
                    pause_s = min(0.2, max(0.005, due_in_s))
                    if running:
                        done, running = wait(running, timeout=pause_s, return_when=FIRST_COMPLETED)
                        for future in done:
                            if later := future.result():
                                heapq.heappush(agenda, (time.monotonic() + later[0], next(numbers), later[1]))
                    else:
                        stop.wait(pause_s)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    # -- one step ------------------------------------------------------------------------------------------------------

    def _act(self, step: Step) -> Later | None:
        return self._place(step) if step.placed is None else self._move(step, step.placed)

    def _place(self, step: Step) -> Later | None:
        path = f"/sandbox/{step.planned.provider}/orders"
        status, body = self._post(path, step.planned.body, step.planned)
        if status == 404:
            raise FloorError(
                f"The sandbox of {self.url} is off: start the server with `make run`, or SANDBOX_ENABLED=true."
            )
        if status in {401, 403, 409}:
            raise FloorError(str(body.get("message") or f"The server answered {status}."))
        if status != 201:
            if step.tries + 1 >= PLACE_TRIES:
                self.refused += 1
                return None
            return AGAIN_S, replace(step, tries=step.tries + 1)
        placed = Placed(
            planned=step.planned,
            order_id=body["orderId"],
            external_id=body["externalOrderId"],
            carried_by_provider=body["carriedByProvider"],
            is_scheduled=body["isScheduled"],
        )
        self.on_placed(placed)
        kitchen = step.planned.kitchen
        if not self.has_staff or kitchen.is_ignored:
            return None
        word = "rejected" if kitchen.reject_reason else "confirmed"
        return kitchen.accept_after_s / self.speed, Step(step.planned, word, placed)

    def _move(self, step: Step, placed: Placed) -> Later | None:
        body: dict[str, Any] = {"status": step.word}
        if step.word == "rejected":
            body["reason"] = step.planned.kitchen.reject_reason
        elif step.word == "confirmed":
            body["prepMinutes"] = PROMISED_MINUTES
        if step.word == LATE:
            return self._name_time(step, placed)
        status, answer = self._post(f"/api/orders/{placed.order_id}/status", body, step.planned)
        if status == 200:
            return self._after(step, placed, step.word)
        if status == 409:
            current = str((answer.get("details") or {}).get("status", ""))
            if current in FINISHED or step.word == "rejected":
                return None
            if current in CHAIN and CHAIN.index(current) >= CHAIN.index(step.word):
                return self._after(step, placed, current)
        # Not there yet, too many calls, a step too early, or a moment of trouble: a little later again.
        if step.tries + 1 >= STEP_TRIES:
            return None
        return AGAIN_S, replace(step, tries=step.tries + 1)

    def _name_time(self, step: Step, placed: Placed) -> Later | None:
        """Say that the kitchen is late; a provider that takes no such word is as good as told."""
        body = {"prepMinutes": LATE_MINUTES}
        status, _ = self._post(f"/api/orders/{placed.order_id}/prep-time", body, step.planned)
        if status in {200, 409} or step.tries + 1 >= STEP_TRIES:
            return self._after(step, placed, "preparing")
        return AGAIN_S, replace(step, tries=step.tries + 1)

    def _after(self, step: Step, placed: Placed, reached: str) -> Later | None:
        """Return the staff's next step after a status was reached; None where others take over or all is done."""
        kitchen = step.planned.kitchen
        if reached not in CHAIN[:-1]:
            return None
        if reached == "preparing" and kitchen.is_late and step.word != LATE:
            return LATE_AFTER_S / self.speed, Step(step.planned, LATE, placed)
        word = CHAIN[CHAIN.index(reached) + 1]
        if placed.carried_by_provider and word in {"out_for_delivery", "delivered"}:
            if placed.planned.provider != "talabat":
                return None
            # Talabat's last word is that it was picked up: the staff closes the order.
            word = "delivered"
        pauses = {"preparing": kitchen.prepare_after_s, "ready": kitchen.ready_after_s,
                  "out_for_delivery": kitchen.leave_after_s, "delivered": kitchen.arrive_after_s}  # fmt: skip
        return pauses[word] / self.speed, Step(step.planned, word, placed)

    # -- over HTTP -----------------------------------------------------------------------------------------------------

    def _post(self, path: str, body: dict[str, Any], planned: PlannedOrder) -> tuple[int, dict[str, Any]]:
        """Return the answer's status and object. Waits as long as a 429 says, at most 5 s. Raises FloorError."""
        headers = {"Authorization": f"Token {self.keys[planned.number % len(self.keys)]}"}
        try:
            response = self._session().post(
                f"{self.url}{path}", json=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.ConnectionError as error:
            if self._is_answered:
                return 0, {}  # a restart, perhaps: it is tried again
            raise FloorError(
                f"Nobody answers at {self.url} ({type(error).__name__}). "
                "Start the server with `make run`, or name it with --url."
            ) from None
        except requests.RequestException:
            return 0, {}
        self._is_answered = True
        if response.status_code == 429:
            wait_s = response.headers.get("Retry-After", "")
            time.sleep(min(LONGEST_WAIT_S, float(wait_s) if wait_s.isdigit() else AGAIN_S))
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = {}
        return response.status_code, answer if isinstance(answer, dict) else {}

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            session.trust_env = False
        return session
