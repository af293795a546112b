"""Whether the process lives, and whether it can take orders."""

from __future__ import annotations

from django.urls import path

from integration.health import livez, readyz

urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
]
