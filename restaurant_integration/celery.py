"""The Celery entry: worker and beat find the application here."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")

from integration.broker import app

__all__ = ["app"]
