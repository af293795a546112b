"""Celery tasks: thin, short, and taking ids. Each is safe to run twice; the rows hold the truth."""

from __future__ import annotations

import uuid

from celery import shared_task

from integration import housekeeping, inbox


@shared_task(name="integration.process_event")
def process_event(log_id: str, token: str) -> None:
    """Work one claimed delivery."""
    inbox.process_claimed(uuid.UUID(log_id), uuid.UUID(token))


@shared_task(name="integration.watch_parked")
def watch_parked() -> None:
    """Tell people of events that have waited for their order for more than ten minutes."""
    housekeeping.watch_parked()


@shared_task(name="integration.prune_logs", time_limit=600, soft_time_limit=570)
def prune_logs() -> None:
    """Delete the bytes of deliveries that are past their retention."""
    housekeeping.prune_bodies()
