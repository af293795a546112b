"""What proves a provider to us and us to a provider, per company."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.fields import EncryptedJSONField
from providers.payload import parse_time

NEXARA = "nexara"
DEFAULT_OVERLAP_HOURS = 24


class ProviderCredential(models.Model):
    """A company's credential for one provider, or for the hub (``provider`` = ``nexara``).

    ``secrets`` maps each field to ``{"value", "previous", "previousUntil"}``: while a secret is being rotated both values
    hold, so that nothing is refused between our change and theirs.
    """

    class Environment(models.TextChoices):
        PRODUCTION = "production", _("Production")
        SANDBOX = "sandbox", _("Sandbox")

    SECRET_FIELDS: ClassVar[tuple[str, ...]] = (
        "webhookSecret", "apiKey", "jwtSecret", "bearerToken", "secretKey", "secret",
        "clientId", "clientSecret", "username", "password", "chainCode",
    )  # fmt: skip

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="credentials")
    provider = models.CharField(max_length=32)
    is_enabled = models.BooleanField("enabled", default=True)
    secrets = EncryptedJSONField(default=dict, editable=False)
    environment = models.CharField(max_length=10, choices=Environment.choices, default=Environment.PRODUCTION)
    base_url = models.URLField(max_length=500, blank=True)
    allowed_ips = models.JSONField("allowed addresses", default=list, blank=True)
    """Addresses and networks that may send; empty: any."""
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "provider_credentials"
        ordering = ["provider"]
        constraints = [
            # Verification reads by this pair and expects one answer.
            models.UniqueConstraint(fields=["company", "provider"], name="credential_unique_per_provider"),
            models.CheckConstraint(
                condition=Q(environment__in=["production", "sandbox"]), name="credential_environment_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} of {self.company_id}"

    def valid_values(self, field: str, now: datetime) -> tuple[str, ...]:
        """Return the values of a secret that hold now, the current one first."""
        entry: dict[str, Any] = self.secrets.get(field) or {}
        values = [entry.get("value", "")]
        until = parse_time(entry.get("previousUntil") or "")
        if until is not None and now < until:
            values.append(entry.get("previous", ""))
        return tuple(value for value in values if value)

    def value(self, field: str) -> str:
        """Return the current value of a secret, ``""`` where it is not set."""
        return str((self.secrets.get(field) or {}).get("value", ""))

    def rotate(self, field: str, value: str, *, overlap_hours: int = DEFAULT_OVERLAP_HOURS) -> bool:
        """Set a secret; its previous value holds for ``overlap_hours`` more. Return whether anything changed.

        Does not save. Raises KeyError for a field that no credential has.
        """
        if field not in self.SECRET_FIELDS:
            raise KeyError(field)
        current = self.value(field)
        if value == current:
            return False
        entry = {"value": value}
        if current and overlap_hours:
            until = timezone.now() + timedelta(hours=overlap_hours)
            entry |= {"previous": current, "previousUntil": until.isoformat()}
        self.secrets = {**self.secrets, field: entry}  # type: ignore[assignment]
        return True

    def masked(self) -> dict[str, str]:
        """Return each secret that is set as ``••••`` and its last four characters; a short one shows none."""
        return {name: mask(self.value(name)) for name in self.SECRET_FIELDS if self.value(name)}

    @property
    def is_sandbox(self) -> bool:
        """Tell whether the provider's staging is meant: on an installation for trials (STAGING) it always is."""
        return bool(settings.STAGING) or self.environment == self.Environment.SANDBOX

    @property
    def is_set(self) -> bool:
        return bool(self.masked())


def mask(value: str) -> str:
    """Return a secret as people may see it: enough to tell two apart, too little to use."""
    return f"••••{value[-4:]}" if len(value) >= 12 else "••••"
