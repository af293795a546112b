"""Whether the process lives, whether it can take orders, and what it has counted."""

from __future__ import annotations

from django.urls import path

from integration.health import livez, readyz
from integration.views.metrics import metrics

urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
