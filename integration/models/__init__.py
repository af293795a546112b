"""The glue: what came in, what goes out, who may, and what a person has to see."""

from integration.models.alert import Alert
from integration.models.analytics import DeliveryRollup
from integration.models.channel import (
    AlertChannel,
    AlertNotice,
    AlertNoticeAttempt,
    AlertThread,
    AlertThreshold,
    NoticeStatus,
)
from integration.models.credential import ProviderCredential
from integration.models.monitoring import AvailabilitySample, HealthSample, Heartbeat
from integration.models.outbound import (
    AutoAcceptPolicy,
    CircuitBreaker,
    OutboundAttempt,
    OutboundPush,
    ProviderToken,
    PushRoute,
    PushStatus,
)
from integration.models.reading import HubReading
from integration.models.reconciliation import ListedOrder, ReconciliationReport, ReconciliationRun
from integration.models.sandbox import SandboxCall, SandboxDelivery, SandboxOrder
from integration.models.webhook import (
    IntegrationWebhook,
    WebhookAttempt,
    WebhookBody,
    WebhookLog,
    WebhookStatus,
)

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertNotice",
    "AlertNoticeAttempt",
    "AlertThread",
    "AlertThreshold",
    "AutoAcceptPolicy",
    "AvailabilitySample",
    "CircuitBreaker",
    "DeliveryRollup",
    "HealthSample",
    "Heartbeat",
    "HubReading",
    "IntegrationWebhook",
    "ListedOrder",
    "NoticeStatus",
    "OutboundAttempt",
    "OutboundPush",
    "ProviderCredential",
    "ProviderToken",
    "PushRoute",
    "PushStatus",
    "ReconciliationReport",
    "ReconciliationRun",
    "SandboxCall",
    "SandboxDelivery",
    "SandboxOrder",
    "WebhookAttempt",
    "WebhookBody",
    "WebhookLog",
    "WebhookStatus",
]
