"""The pages outside the orders: signing in and out, the dashboard's panels, alerts, webhooks, integrations, menu, team."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from integration.views import (
    alert_channels,
    alerts,
    bell,
    dashboard,
    finding,
    integrations,
    menu,
    menu_file,
    reconciliation,
    replay,
    team,
    trial,
    webhooks,
)
from orders.preferences import choose
from orders.views import SignInView

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("preferences/", choose, name="preferences"),
    path("dashboard/panels/", dashboard.panels, name="dashboard-panels"),
    path("find/", finding.search, name="find"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/channels/", alert_channels.channels, name="alert-channels"),
    path("alerts/channels/thresholds/", alert_channels.thresholds, name="alert-thresholds"),
    path("alerts/channels/<uuid:channel_id>/test/", alert_channels.test, name="alert-channel-test"),
    path("alerts/channels/<uuid:channel_id>/switch/", alert_channels.switch, name="alert-channel-switch"),
    path("alerts/channels/<uuid:channel_id>/remove/", alert_channels.remove, name="alert-channel-remove"),
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
    path("integrations/reconciliation/", reconciliation.day, name="reconciliation"),
    path("integrations/<slug:provider>/test/", integrations.try_way, name="integration-test"),
    path("integrations/<slug:provider>/switch/", integrations.switch, name="integration-switch"),
    path("integrations/<slug:provider>/register/", integrations.register, name="integration-register"),
    path("menu/", menu.unmapped, name="menu"),
    path("menu/map/", menu.map_to, name="menu-map"),
    path("menu/ids/<int:code_id>/remove/", menu.take, name="menu-take"),
    path("menu/products/", menu.products, name="menu-products"),
    path("menu/products/new/", menu.new_product, name="menu-new"),
    path("menu/products/<uuid:product_id>/", menu.product, name="menu-product"),
    path("menu/products/<uuid:product_id>/change/", menu.change, name="menu-change"),
    path("menu/products/<uuid:product_id>/ids/", menu.add_id, name="menu-add-id"),
    path("menu/products/<uuid:product_id>/delete/", menu.delete, name="menu-delete"),
    path("menu/export.csv", menu_file.export, name="menu-export"),
    path("menu/file/", menu_file.check, name="menu-file"),
    path("menu/file/import/", menu_file.bring_in, name="menu-import"),
    path("team/", team.people, name="team"),
    path("team/password/", team.password, name="password"),
    path("team/invite/", team.invite, name="team-invite"),
    path("team/tokens/", team.issue_token, name="team-tokens"),
    path("team/tokens/<uuid:token_id>/revoke/", team.revoke_token, name="team-revoke"),
    path("team/<uuid:member_id>/", team.member, name="team-member"),
    path("team/<uuid:member_id>/remove/", team.remove, name="team-remove"),
    path("team/<uuid:member_id>/end-sessions/", team.end_sessions, name="team-end-sessions"),
    path("team/<uuid:member_id>/new-password/", team.new_password, name="team-new-password"),
]
