"""Companies, their branches, and the people who work for them."""

from __future__ import annotations

import hashlib
import uuid
import zoneinfo
from collections.abc import Iterator
from datetime import time
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken

from providers.money import is_known_currency


def check_time_zone(value: str) -> None:
    """Raise ValidationError unless ``value`` is a name of the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError("%(value)s is not a time zone such as Asia/Amman.", params={"value": value})


def check_currency(value: str) -> None:
    """Raise ValidationError unless ISO 4217 knows the currency."""
    if not is_known_currency(value):
        raise ValidationError("%(value)s is not an ISO 4217 currency such as JOD.", params={"value": value})


country_code = RegexValidator(r"^[A-Z]{2}$", "A country is two capital letters, such as JO.")


class User(AbstractUser):  # type: ignore[django-manager-missing]
    """A person who signs in. What they may do stands in their memberships."""

    sessions_ended = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """How often all sessions of this person were ended. It is a part of what a session proves itself with."""

    class Meta:
        db_table = "users"

    def get_session_auth_hash(self) -> str:
        return self._of_this_round(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for each in super().get_session_auth_fallback_hash():
            yield self._of_this_round(each)

    def _of_this_round(self, proof: str) -> str:
        """Return the proof as it counts now; as Django makes it until sessions are ended for the first time."""
        if not self.sessions_ended:
            return proof
        return hashlib.sha256(f"{proof}\n{self.sessions_ended}".encode()).hexdigest()

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Company(models.Model):  # type: ignore[django-manager-missing]
    """A restaurant group: the border that nothing of another company crosses."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    country = models.CharField(max_length=2, default="JO", validators=[country_code])
    currency = models.CharField(max_length=3, default="JOD", validators=[check_currency])
    time_zone = models.CharField(max_length=64, default="Asia/Amman", validators=[check_time_zone])
    business_day_cutoff = models.TimeField(default=time(0, 0))
    """Local time at which a business day begins; before it, it is still yesterday."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "companies"
        verbose_name_plural = "companies"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CompanySequence(models.Model):
    """The company's last event number. A row of its own, so that taking a number waits for nothing else."""

    company = models.OneToOneField(Company, models.CASCADE, primary_key=True, related_name="sequence")
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        db_table = "company_sequences"

    def __str__(self) -> str:
        return f"{self.company_id}: {self.last_seq}"


class Branch(models.Model):
    """A kitchen of a company. Orders of an unknown store go to the default one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="branches")
    name = models.CharField(max_length=200)
    name_ar = models.CharField(max_length=200, blank=True)
    is_default = models.BooleanField(default=False)
    opening_hours = models.JSONField(default=list, blank=True)
    """A list of ``{"day": 0–6 (Monday 0), "opens": "10:00", "closes": "02:00"}`` in the company's time zone; empty: always."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "branches"
        verbose_name_plural = "branches"
        ordering = ["name"]
        constraints = [
            # Matching relies on there being one branch to fall back to.
            models.UniqueConstraint(
                fields=["company"], condition=Q(is_default=True), name="branch_one_default_per_company"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def display_name(self) -> str:
        """The name in the language of the page, as far as there is one."""
        return (self.name_ar if (get_language() or "").startswith("ar") else "") or self.name


class BranchStore(models.Model):
    """A provider's id of a branch. It tells whose an order is, so it stands once in the whole installation."""

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="stores")
    provider = models.CharField(max_length=32)
    store_id = models.CharField(max_length=255)
    currency = models.CharField(max_length=3, blank=True, validators=[check_currency])
    """The currency of this store's orders where the payload names none; blank: the provider's or the company's."""

    class Meta:
        db_table = "branch_stores"
        constraints = [
            # Read by the company and branch lookups of an inbound order.
            models.UniqueConstraint(fields=["provider", "store_id"], name="branch_store_unique_per_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.store_id}"


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    STAFF = "staff", _("Staff")


class Membership(models.Model):
    """A person's place in a company: in all of its branches, or only in some when it is limited."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    company = models.ForeignKey(Company, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.STAFF)
    is_limited = models.BooleanField("limited to branches", default=False)
    """A flag of its own, so that deleting the last of somebody's branches does not open all the others to them."""
    branches = models.ManyToManyField(Branch, blank=True, related_name="memberships")
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "memberships"
        ordering = ["joined_at", "id"]
        constraints = [
            # Access is looked up by this pair and expects one answer.
            models.UniqueConstraint(fields=["user", "company"], name="membership_unique_user_company"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.company} as {self.role}"


class ApiToken(AbstractAuthToken):
    """A key for programs: acts as its user, within its company. Only its digest is stored."""

    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    """What the API names a token by; the primary key is the digest of its key."""
    company = models.ForeignKey(Company, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_tokens"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"

    @classmethod
    def issue(cls, *, user: User, company: Company, name: str) -> tuple[ApiToken, str]:
        """Make a token; return it with its key, which is shown once and never again."""
        made: Any = cls.objects.create(user=user, company=company, name=name)
        token, key = made
        return token, key
