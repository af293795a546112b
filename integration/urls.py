"""The webhook doors. API paths answer with and without a trailing slash: a middleware takes it off."""

from __future__ import annotations

from django.urls import path

from integration.api.trial import ProviderTestView, WebhookTestView
from integration.views.webhook import EnvelopeView, ProviderWebhookView

WEBHOOK = "api/integration/webhook"

urlpatterns = [
    # Before the doors: they would take "test" for a provider or a company.
    path(f"{WEBHOOK}/test", WebhookTestView.as_view(), name="webhook-test"),
    path(f"{WEBHOOK}/<str:provider>/test", ProviderTestView.as_view(), name="webhook-test-provider"),
    path(WEBHOOK, EnvelopeView.as_view(), name="webhook-envelope"),
    path(f"{WEBHOOK}/<str:provider>", ProviderWebhookView.as_view(), name="webhook-provider"),
    path(f"{WEBHOOK}/<str:provider>/<str:company_id>", ProviderWebhookView.as_view(), name="webhook-company"),
    path(f"{WEBHOOK}/<str:provider>/<str:company_id>/<path:path>", ProviderWebhookView.as_view(), name="webhook-path"),
]
