"""Signing in: counted and locked in the database, so that every process knows, and written into the audit trail."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from orders.addresses import place_of
from orders.audit import record_for_person
from orders.models import SignInTries, User

if TYPE_CHECKING:
    _Form = AuthenticationForm
else:
    _Form = forms.Form

ACCOUNT_TRIES = 10
"""Wrong passwords for one name from one address until it has to wait."""
ADDRESS_TRIES = 60
"""Wrong passwords from one address, whatever the names: a whole restaurant may share it."""
WINDOW = timedelta(minutes=15)
"""The time in which tries add up, and the time to wait after too many."""


class LockedOut(Exception):
    """Too many tries; ``wait_s`` says how long to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


def _keys(address: str, username: str) -> tuple[tuple[str, str, int], ...]:
    """Return what a try counts for: the scope, its key and its limit."""
    place = place_of(address)
    name = unicodedata.normalize("NFKC", username).casefold()
    return (
        ("account", _digest(f"account\n{place}\n{name}"), ACCOUNT_TRIES),
        ("address", _digest(f"address\n{place}"), ADDRESS_TRIES),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def begin_try(address: str, username: str, now: datetime) -> list[str]:
    """Count a try before its password is looked at; return the scopes that are locked if this one is wrong too.

    Counted beforehand, so that a hundred tries at once are no way around the limit. Raises LockedOut, and counts nothing
    then: who waits is let in when the time is over.
    """
    keys = _keys(address, username)
    standing = {row.key: row for row in SignInTries.objects.filter(key__in=[key for _, key, _ in keys])}
    for _, key, limit in keys:
        row = standing.get(key)
        if row is not None and row.count >= limit and row.window_ends_at > now:
            raise LockedOut(_seconds(row.window_ends_at - now))
    spent = []
    for scope, key, limit in keys:
        count = _count(key, now)
        if count > limit:
            raise LockedOut(_seconds(WINDOW))
        if count == limit:
            spent.append(scope)
            SignInTries.objects.filter(key=key).update(window_ends_at=now + WINDOW)
    return spent


@transaction.atomic
def _count(key: str, now: datetime) -> int:
    """Count one more and return its own number: the row stays locked in between, so that no two get the same."""
    SignInTries.objects.bulk_create([SignInTries(key=key, window_ends_at=now + WINDOW)], ignore_conflicts=True)
    # Only the first of two that find the window over starts a new one.
    SignInTries.objects.filter(key=key, window_ends_at__lte=now).update(count=0, window_ends_at=now + WINDOW)
    SignInTries.objects.filter(key=key).update(count=F("count") + 1)
    return SignInTries.objects.filter(key=key).values_list("count", flat=True).first() or 0


def forgive(address: str, username: str) -> None:
    """Forget the tries of an account that has proved itself, and take this one off its address."""
    (_, account, _), (_, place, _) = _keys(address, username)
    SignInTries.objects.filter(key=account).delete()
    SignInTries.objects.filter(key=place, count__gt=0).update(count=F("count") - 1)


def forget_old_tries(now: datetime) -> int:
    """Delete counts whose time is over; return how many."""
    deleted, _ = SignInTries.objects.filter(window_ends_at__lte=now).delete()
    return deleted


def _seconds(duration: timedelta) -> int:
    return max(1, math.ceil(duration.total_seconds()))


class GuardedForm(_Form):
    """A sign-in form that counts, waits and leaves a trail. ``wait_s`` is set where one has to wait."""

    wait_s = 0

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        request = self.request
        if username is None or not password or request is None:
            return super().clean()
        address = request.META.get("REMOTE_ADDR", "")
        try:
            spent = begin_try(address, username, timezone.now())
        except LockedOut as locked:
            self.wait_s = locked.wait_s
            raise ValidationError(waiting(locked.wait_s), code="locked_out") from None
        try:
            data: dict[str, Any] = super().clean()
        except ValidationError:
            self._note_failure(request, username, spent)
            raise
        forgive(address, username)
        person = self.user_cache
        record_for_person("person.signed_in", person, user=person, target=person, request=request)
        return data

    def _note_failure(self, request: HttpRequest, username: str, spent: list[str]) -> None:
        person = User.objects.filter(username=username).first()
        name = username[:150]
        record_for_person("person.sign_in_failed", person, actor="unknown", target=name, request=_of_nobody(request))
        for scope in spent:
            details = {"scope": scope, "waitS": _seconds(WINDOW)}
            trail = person if scope == "account" else None
            record_for_person(
                "person.locked_out", trail, actor="unknown", target=name, details=details, request=_of_nobody(request)
            )


def _of_nobody(request: HttpRequest) -> HttpRequest:
    """Return the request's address alone: who is signed in already in this browser is not who failed to."""
    bare = HttpRequest()
    bare.META["REMOTE_ADDR"] = request.META.get("REMOTE_ADDR", "")
    return bare


def waiting(wait_s: int) -> str:
    """Return how long to wait, for a person."""
    minutes = math.ceil(wait_s / 60)
    return ngettext(
        "Too many tries. Wait %(minutes)d minute, then try again.",
        "Too many tries. Wait %(minutes)d minutes, then try again.",
        minutes,
    ) % {"minutes": minutes}


class SignInForm(GuardedForm, AuthenticationForm):
    """The form of the staff's sign-in."""


class AdminSignInForm(GuardedForm, AdminAuthenticationForm):
    """The form of the admin's own sign-in."""


@receiver(user_logged_out, dispatch_uid="audit-sign-out")
def _note_sign_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if isinstance(user, User):
        record_for_person("person.signed_out", user, user=user, target=user, request=request)
