"""The admin for operators: the webhook log, credentials, registrations and alerts."""

from __future__ import annotations

from integration.admin import alert, credential, registration, webhook

__all__ = ["alert", "credential", "registration", "webhook"]
