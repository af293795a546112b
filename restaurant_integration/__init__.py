"""The project: settings, URLs and the processes."""

from restaurant_integration.celery import app as celery_app

__all__ = ["celery_app"]
