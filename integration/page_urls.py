"""The pages outside the orders: signing in and out, the alerts, the webhooks, the integrations."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from integration.views import alerts, bell, integrations, replay, trial, webhooks
from orders.preferences import choose
from orders.views import SignInView

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("preferences/", choose, name="preferences"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/badge/", alerts.badge, name="alert-badge"),
    path("alerts/<uuid:alert_id>/acknowledge/", alerts.move, {"move": "acknowledge"}, name="alert-acknowledge"),
    path("alerts/<uuid:alert_id>/resolve/", alerts.move, {"move": "resolve"}, name="alert-resolve"),
    path("bell/", bell.bell, name="bell"),
    path("bell/acknowledge/", bell.acknowledge, name="bell-acknowledge"),
    path("webhooks/", webhooks.log, name="webhooks"),
    path("webhooks/waiting/", webhooks.work, name="webhooks-waiting"),
    path("webhooks/replay/", replay.many, name="webhooks-replay"),
    path("webhooks/test/", trial.trial, name="webhooks-test"),
    path("webhooks/<uuid:event_id>/", webhooks.event, name="webhook"),
    path("webhooks/<uuid:event_id>/replay/", replay.one, name="webhook-replay"),
    path("integrations/", integrations.integrations, name="integrations"),
    path("integrations/<slug:provider>/test/", integrations.try_way, name="integration-test"),
    path("integrations/<slug:provider>/switch/", integrations.switch, name="integration-switch"),
    path("integrations/<slug:provider>/register/", integrations.register, name="integration-register"),
]
