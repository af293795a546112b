"""The admin for operators: the webhook log, the outbox, policies, credentials, registrations and alerts."""

from __future__ import annotations

from integration.admin import alert, alert_channel, credential, outbound, registration, webhook

__all__ = ["alert", "alert_channel", "credential", "outbound", "registration", "webhook"]
