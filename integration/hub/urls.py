"""The hub's own paths; they exist with ``ROLE=hub`` alone."""

from __future__ import annotations

from django.urls import path

from integration.hub.api.calls import HubHealthView, RegisterView, SyncView
from integration.hub.api.management import ConfigView, ForwardEnvelopeView, HubLogView, HubStatsView, RetryView
from integration.views.webhook import ProviderWebhookView

urlpatterns = [
    path("webhooks/<str:provider>/<str:company_id>", ProviderWebhookView.as_view(), name="hub-provider"),
    path("webhooks/<str:provider>/<str:company_id>/<path:path>", ProviderWebhookView.as_view(), name="hub-path"),
    path("api/webhooks/register", RegisterView.as_view(), name="hub-register"),
    path("api/webhooks/logs", HubLogView.as_view(), name="hub-logs"),
    path("api/webhooks/stats", HubStatsView.as_view(), name="hub-stats"),
    path("api/webhooks/forwards/<uuid:forward_id>", ForwardEnvelopeView.as_view(), name="hub-forward"),
    path("api/webhooks/retry/<uuid:log_id>", RetryView.as_view(), name="hub-retry"),
    path("api/webhooks/config/<str:client_id>", ConfigView.as_view(), name="hub-config"),
    path("api/orders/sync", SyncView.as_view(), name="hub-sync"),
    path("api/health", HubHealthView.as_view(), name="hub-health"),
]
