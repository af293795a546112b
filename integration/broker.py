"""The Celery application, and what it does by the clock. Tasks take ids only: the database is the truth, the broker a hint.

It comes with the tasks, for whoever has one to hand over; a command that has none starts without Celery.
"""

from __future__ import annotations

from datetime import timedelta

from celery import Celery
from celery.schedules import crontab

from integration import tracing  # noqa: F401  it listens to Celery's signals

app = Celery("restaurant_integration", fixups={"integration.task_connections:fixup"})
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "give-sign": {"task": "integration.give_sign", "schedule": 10.0, "options": {"expires": 10}},
    # A minute after each five are over.
    "record-health": {
        "task": "integration.record_health",
        "schedule": crontab(minute="1-59/5"),
        "options": {"expires": 240},
    },
    "watch-deadlines": {"task": "integration.watch_deadlines", "schedule": 10.0, "options": {"expires": 10}},
    "ask-hub": {"task": "integration.ask_hub", "schedule": 60.0, "options": {"expires": 60}},
    "watch-alerts": {"task": "integration.watch_alerts", "schedule": 10.0, "options": {"expires": 10}},
    "watch-parked": {"task": "integration.watch_parked", "schedule": 30.0, "options": {"expires": 30}},
    "roll-up": {"task": "integration.roll_up", "schedule": 60.0, "options": {"expires": 60}},
    "reconcile": {"task": "integration.reconcile", "schedule": crontab(minute="*/15"), "options": {"expires": 600}},
    "report-days": {
        "task": "integration.report_days",
        "schedule": crontab(minute="10,40"),
        "options": {"expires": 1200},
    },
    "prune-logs": {"task": "integration.prune_logs", "schedule": timedelta(hours=6), "options": {"expires": 3600}},
    "prune-personal-data": {
        "task": "integration.prune_personal_data",
        "schedule": timedelta(days=1),
        "options": {"expires": 3600},
    },
}
