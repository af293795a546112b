"""The glue: what came in, what goes out, who may, and what a person has to see."""

from integration.models.alert import Alert
from integration.models.credential import ProviderCredential
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
    "IntegrationWebhook",
    "ProviderCredential",
    "SandboxCall",
    "SandboxDelivery",
    "SandboxOrder",
    "WebhookAttempt",
    "WebhookBody",
    "WebhookLog",
    "WebhookStatus",
]
