"""The sweeper: a loop that finds what is due, coming in or going out, whatever became of broker, worker or process."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from integration import claims, heartbeat, inbox, outbox
from integration.alerting import notices, watch
from integration.alerting.turns import WORKER_MISSED_AFTER_S, is_worker_missed
from integration.metrics import SWEPT
from integration.models import NoticeStatus, PushStatus
from integration.tasks import process_events, push_claimed, send_notice

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
CROWDED_INTERVAL_S = 0.5
BATCH = 100
"""How many rows are under way at once: what waits longer than its lease in the broker's queue is claimed a second time, and
whoever comes later waits behind it."""
PARCEL = 10
"""How many rows go out in one task at most: each task costs the broker its handling, and what is
in it waits for the rows before."""
PARCELS = 4
"""In how many tasks a sweep's rows go out at least, so that every child of the worker has some."""
HANDOVER_S = 0.25
"""How long the broker has to take a task; after that the sweeper works the row itself."""
BREAK_S = 10.0
HUNG_S = 5.0
SENDERS = 4
"""How many pushes the sweeper itself sends at once: a slow provider must not keep the inbox waiting."""
NOTIFIERS = 2
"""How many notices of alerts it sends at once, beside the pushes: a channel that does not answer keeps none of those."""
WATCH_EVERY_S = 10.0


class Sweeper:
    """Claims due rows and hands their ids to Celery; works them itself when the broker does not take them, or no worker lives.

    ``has_broker=False``: there is none that a worker elsewhere listens to, so everything is worked here.
    """

    def __init__(self, *, has_broker: bool = True) -> None:
        self._has_broker = has_broker
        self._publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sweep-publish")
        self._broken_until = 0.0
        self._has_worker = True
        self._looked_at = -math.inf
        """When we last looked whether there is one."""
        self._senders = ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="sweep-push")
        self._free = threading.BoundedSemaphore(SENDERS)
        self._notifiers = ThreadPoolExecutor(max_workers=NOTIFIERS, thread_name_prefix="sweep-notify")
        self._free_to_notify = threading.BoundedSemaphore(NOTIFIERS)
        self._watcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sweep-watch")
        self._watching: Future[None] | None = None
        self._watched_at = time.monotonic()
        self._is_crowded = False
        self._was_away = False
        """Whether database, broker or worker failed us, and nothing has been pulled since."""
        self._pulled: set[uuid.UUID] = set()
        """The failed rows that have been pulled in this outage: pulled at each of its sweeps, they would soon be dead."""
        self._heart = heartbeat.Heart(heartbeat.SWEEPER)
        self._worked_s = 0.0
        """How long this sweep has worked rows itself."""

    def run(self, stop: threading.Event) -> None:
        """Sweep every two seconds, twice a second while much is due, until told to stop. Go on after an error."""
        while not stop.is_set():
            started, self._worked_s = time.monotonic(), 0.0
            try:
                close_old_connections()
                self.sweep()
                self.sweep_pushes()
                self.sweep_notices()
                self._heart.beat()
                self._watch()
                # One that hangs says nothing: the sweep only took too long, without the rows that it worked itself.
                self._was_away |= time.monotonic() - started - self._worked_s > HUNG_S
                if not self._was_away:
                    self._pulled.clear()
            except (OperationalError, InterfaceError) as error:
                if not self._was_away:
                    logger.warning("The database is away; sweeping goes on when it is back: %s", type(error).__name__)
                self._was_away = True
            except Exception:
                self._was_away = True
                logger.exception("A sweep failed; the next one follows")
            finally:
                connections.close_all()
            interval = CROWDED_INTERVAL_S if self._is_crowded else INTERVAL_S
            stop.wait(max(0.2, interval - (time.monotonic() - started)))

    def sweep(self) -> int:
        """Claim due rows as far as there is room, and see that each is worked; return how many they were."""
        now = timezone.now()
        if self._was_away:
            self._pulled.update(claims.pull_due(now, self._pulled))
            self._was_away = False
        room = max(0, BATCH - claims.rows_under_way(now))
        due = claims.due_rows(now, room) if room else []
        self._is_crowded = len(due) == room
        if due:
            token, claimed = claims.claim(due, now)
            size = max(1, min(PARCEL, math.ceil(len(claimed) / PARCELS)))
            for at in range(0, len(claimed), size):
                self._work(claimed[at : at + size], token)
        return len(due)

    def _work(self, log_ids: list[uuid.UUID], token: uuid.UUID) -> None:
        is_taken = self._hand_over(process_events, [str(log_id) for log_id in log_ids], token)
        SWEPT.add("webhooks", "worker" if is_taken else "sweeper", by=len(log_ids))
        if not is_taken:
            started = time.monotonic()
            for log_id in log_ids:
                inbox.process_claimed(log_id, token)
            self._worked_s += time.monotonic() - started

    def sweep_pushes(self) -> int:
        """Claim the pushes that are due and see that each is sent; return how many were claimed.

        Without a broker a few threads send here, and no more is claimed than they can take at once.
        """
        now = timezone.now()
        claimed = 0
        for push in outbox.due_pushes(now, BATCH):
            if not self._free.acquire(blocking=False):
                break
            is_sent_here = False
            try:
                token = outbox.claim(push, now)
                # One that was handed over and not begun: the broker takes tasks, and no worker does them.
                is_lost = push.status == PushStatus.SENDING
                if token is not None and (is_lost or not self._hand_over(push_claimed, str(push.pk), token)):
                    self._senders.submit(self._send, push.pk, token)
                    is_sent_here = True
                if token is not None:
                    SWEPT.add("pushes", "sweeper" if is_sent_here else "worker")
            finally:
                # Also after an error: a place that is not given back is gone until the process starts anew.
                if not is_sent_here:
                    self._free.release()
            claimed += token is not None
        return claimed

    def sweep_notices(self) -> int:
        """Claim the notices of alerts that are due and see that each is sent; return how many were claimed."""
        now = timezone.now()
        claimed = 0
        for notice in notices.due_notices(now, BATCH):
            if not self._free_to_notify.acquire(blocking=False):
                break
            is_sent_here = False
            try:
                token = notices.claim(notice, now)
                is_lost = notice.status == NoticeStatus.SENDING
                if token is not None and (is_lost or not self._hand_over(send_notice, str(notice.pk), token)):
                    self._notifiers.submit(self._notify, notice.pk, token)
                    is_sent_here = True
            finally:
                if not is_sent_here:
                    self._free_to_notify.release()
            claimed += token is not None
        return claimed

    def _notify(self, notice_id: uuid.UUID, token: uuid.UUID) -> None:
        try:
            notices.work_claimed(notice_id, token)
        except Exception:
            logger.exception("Notice %s could not be sent; it is tried again", notice_id)
        finally:
            connections.close_all()
            self._free_to_notify.release()

    def _watch(self) -> None:
        """Show that we live and stand in for a missing worker, on a thread of its own: rules may take their time."""
        is_busy = self._watching is not None and not self._watching.done()
        if is_busy or time.monotonic() - self._watched_at < WATCH_EVERY_S:
            return
        self._watched_at = time.monotonic()
        self._watching = self._watcher.submit(self._tick)

    def _tick(self) -> None:
        try:
            watch.sweeper_tick(has_broker=self._has_broker)
        except (OperationalError, InterfaceError):
            pass  # the sweep itself says that the database is away
        except Exception:
            logger.exception("The watch failed; the next one follows")
        finally:
            connections.close_all()

    def _send(self, push_id: uuid.UUID, token: uuid.UUID) -> None:
        try:
            outbox.work_claimed(push_id, token)
        except Exception:
            logger.exception("Push %s could not be worked; it is tried again", push_id)
        finally:
            connections.close_all()
            self._free.release()

    def _hand_over(self, task: Any, rows: str | list[str], token: uuid.UUID) -> bool:
        if not self._has_broker or time.monotonic() < self._broken_until or not self._sees_worker():
            return False
        # In a thread of its own: a broker that accepts and then says nothing would hold us for ever.
        publishing = self._publisher.submit(task.apply_async, args=(rows, str(token)), retry=False)
        try:
            publishing.result(timeout=HANDOVER_S)
        except Exception as error:
            self._broken_until = time.monotonic() + BREAK_S
            if isinstance(error, FutureTimeoutError):
                self._publisher.shutdown(wait=False, cancel_futures=True)
                self._publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sweep-publish")
            logger.warning("The broker takes no tasks; working here for %.0f s: %s", BREAK_S, type(error).__name__)
            return False
        if self._broken_until:
            # It is back, and may have lost what it had: what is claimed for its workers is not left to the end of its lease.
            self._broken_until, self._was_away = 0.0, True
        return True

    def _sees_worker(self) -> bool:
        """Tell whether a worker has given a sign lately; look at most once in an interval, and say so when it changes."""
        if time.monotonic() - self._looked_at < INTERVAL_S:
            return self._has_worker
        self._looked_at, saw = time.monotonic(), self._has_worker
        self._has_worker = not is_worker_missed(timezone.now())
        if saw and not self._has_worker:
            logger.warning("No worker has given a sign for %d s; working here until one does", WORKER_MISSED_AFTER_S)
            self._was_away = True  # what was handed over in vain is not left to the end of its lease
        elif self._has_worker and not saw:
            logger.info("A worker is back; what is due is handed over to it again")
        return self._has_worker
