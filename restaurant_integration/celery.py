"""The Celery application. Tasks take ids only: the database is the truth, the broker a hint."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")

app = Celery("restaurant_integration")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
