"""The management API. Paths answer with and without a trailing slash: a middleware takes it off."""

from __future__ import annotations

from django.urls import path

from integration.api.alert_channels import (
    AlertChannelListView,
    AlertChannelView,
    AlertNoticeListView,
    AlertThresholdsView,
    TestAlertChannelView,
)
from integration.api.alerts import AcknowledgeAlertView, AlertListView, ResolveAlertView
from integration.api.analytics import AnalyticsFileView, AnalyticsTableView
from integration.api.audit import AuditView
from integration.api.availability import AvailabilityView
from integration.api.credentials import CredentialView
from integration.api.evidence import OrderEvidenceView
from integration.api.failures import FailureListView, ReplayGroupView
from integration.api.health import HealthHistoryView
from integration.api.logs import LogListView, LogView, ReplayManyView, ReplayView
from integration.api.members import MemberListView, MemberView
from integration.api.outbound import HealthView, RegisterWebhookView, SyncOrderView, TestProviderView
from integration.api.prep_time import PrepTimeView
from integration.api.probes import ProbeReportView
from integration.api.reconciliation import ReconciliationDayView, ReconciliationExportView, ReconciliationListView
from integration.api.status import StatsView, StatusView
from integration.api.timeline import OrderTimelineView
from integration.api.tokens import TokenListView, TokenView

API = "api/integration"

urlpatterns = [
    path("api/analytics/<str:table>.csv", AnalyticsFileView.as_view(), name="api-analytics-file"),
    path("api/analytics/<str:table>", AnalyticsTableView.as_view(), name="api-analytics-table"),
    path("api/availability", AvailabilityView.as_view(), name="api-availability"),
    path("api/orders/<str:order_id>/prep-time", PrepTimeView.as_view(), name="api-order-prep-time"),
    path("api/orders/<str:order_id>/timeline", OrderTimelineView.as_view(), name="api-order-timeline"),
    path("api/orders/<str:order_id>/evidence", OrderEvidenceView.as_view(), name="api-order-evidence"),
    path(f"{API}/credentials/<str:provider>", CredentialView.as_view(), name="api-credential"),
    path(f"{API}/register-webhook", RegisterWebhookView.as_view(), name="api-register-webhook"),
    path(f"{API}/sync-order/<str:order_id>", SyncOrderView.as_view(), name="api-sync-order"),
    path(f"{API}/test/<str:provider>", TestProviderView.as_view(), name="api-test-provider"),
    path(f"{API}/health/history", HealthHistoryView.as_view(), name="api-health-history"),
    path(f"{API}/health", HealthView.as_view(), name="api-health"),
    path(f"{API}/status", StatusView.as_view(), name="api-status"),
    path(f"{API}/probes", ProbeReportView.as_view(), name="api-probes"),
    path(f"{API}/stats", StatsView.as_view(), name="api-stats"),
    path(f"{API}/logs", LogListView.as_view(), name="api-logs"),
    path(f"{API}/logs/<uuid:event_id>", LogView.as_view(), name="api-log"),
    path(f"{API}/logs/<uuid:event_id>/replay", ReplayView.as_view(), name="api-log-replay"),
    path(f"{API}/replay", ReplayManyView.as_view(), name="api-replay"),
    path(f"{API}/failures", FailureListView.as_view(), name="api-failures"),
    path(f"{API}/failures/<str:fingerprint>/replay", ReplayGroupView.as_view(), name="api-failures-replay"),
    path(f"{API}/alerts", AlertListView.as_view(), name="api-alerts"),
    path(f"{API}/alerts/<uuid:alert_id>/acknowledge", AcknowledgeAlertView.as_view(), name="api-alert-acknowledge"),
    path(f"{API}/alerts/<uuid:alert_id>/resolve", ResolveAlertView.as_view(), name="api-alert-resolve"),
    path(f"{API}/alert-channels", AlertChannelListView.as_view(), name="api-alert-channels"),
    path(f"{API}/alert-channels/<uuid:channel_id>", AlertChannelView.as_view(), name="api-alert-channel"),
    path(f"{API}/alert-channels/<uuid:channel_id>/test", TestAlertChannelView.as_view(), name="api-alert-channel-test"),
    path(f"{API}/alert-channels/<uuid:channel_id>/notices", AlertNoticeListView.as_view(), name="api-alert-notices"),
    path(f"{API}/alert-thresholds", AlertThresholdsView.as_view(), name="api-alert-thresholds"),
    path(f"{API}/reconciliation", ReconciliationListView.as_view(), name="api-reconciliation"),
    path(f"{API}/reconciliation/day", ReconciliationDayView.as_view(), name="api-reconciliation-day"),
    path(f"{API}/reconciliation/export.csv", ReconciliationExportView.as_view(), name="api-reconciliation-export"),
    path(f"{API}/audit", AuditView.as_view(), name="api-audit"),
    path(f"{API}/members", MemberListView.as_view(), name="api-members"),
    path(f"{API}/members/<uuid:member_id>", MemberView.as_view(), name="api-member"),
    path(f"{API}/tokens", TokenListView.as_view(), name="api-tokens"),
    path(f"{API}/tokens/<uuid:token_id>", TokenView.as_view(), name="api-token"),
]
