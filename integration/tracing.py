"""A request's id goes with the tasks that it causes: as a header of the message, never as an argument."""

from __future__ import annotations

import uuid
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun, worker_ready

from orders.logs import request_id_var

HEADER = "request_id"


def send_along(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:
    """Put the id into a message that leaves."""
    if headers is not None and (request_id := request_id_var.get()):
        headers[HEADER] = request_id


def take_up(task: Any = None, **kwargs: Any) -> None:
    """Take the id of a message up for as long as its task runs; one that nobody asked for gets an id of its own."""
    request_id_var.set(getattr(task.request, HEADER, None) or uuid.uuid4().hex)


def lay_down(**kwargs: Any) -> None:
    """Forget the id: the next task of this thread is somebody else's."""
    request_id_var.set("")


def give_a_sign(**kwargs: Any) -> None:
    """Let a worker that has just started be seen at once, and not with the first task of beat."""
    from integration.tasks import give_sign

    give_sign.apply_async(retry=False)


before_task_publish.connect(send_along, weak=False)
task_prerun.connect(take_up, weak=False)
task_postrun.connect(lay_down, weak=False)
worker_ready.connect(give_a_sign, weak=False)
