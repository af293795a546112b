"""Providers' credentials: secrets go in, and never come out."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.api.credentials import read_change
from integration.credentials import CredentialChange, change_details, forget_credential, set_credential
from integration.models import ProviderCredential
from integration.models.credential import DEFAULT_OVERLAP_HOURS, NEXARA
from orders.admin.lists import CompanyFilter, ProviderFilter
from orders.admin_scope import CompanyScopedAdmin, CompanyScopedForm
from orders.audit import record_act
from orders.errors import ApiError
from providers.payload import parse_time
from providers.registry import ADAPTERS, provider_choices

HUB_CHOICE = (NEXARA, "NEXARA, the hub")
_OF_EVERY_PROVIDER = ("clientId", "clientSecret", "username", "password", "apiKey", "secret")
_OF_THE_HUB = ("secretKey", "apiKey", "clientId", "clientSecret")
_FORM_FIELDS = {
    "enabled": "is_enabled",
    "environment": "environment",
    "baseUrl": "base_url",
    "allowedIps": "allowed_addresses",
    "overlapHours": "overlap_hours",
}


def credential_choices() -> list[tuple[str, str]]:
    return [*provider_choices(), HUB_CHOICE]


def secret_names(provider: str) -> tuple[str, ...]:
    """Return the secrets that a credential of this provider can hold, those that prove a request first."""
    adapter = ADAPTERS.get(provider)
    if adapter is None:
        return _OF_THE_HUB
    return tuple(dict.fromkeys((adapter.hub_secret, adapter.native_secret, *_OF_EVERY_PROVIDER)))


class SecretField(forms.CharField):
    """A secret to set: always shown empty, and empty means that the one we have stays."""

    def __init__(self, name: str, help_text: str) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}, render_value=False)
        super().__init__(label=name, required=False, strip=False, widget=widget, help_text=help_text)


class CredentialForm(CompanyScopedForm):
    """Everything of a credential but its secrets, which are added per provider by :func:`form_for`."""

    provider = forms.ChoiceField(choices=credential_choices)
    base_url = forms.CharField(
        label=_("Base URL"), required=False, max_length=500, widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("Empty: the provider's own, by environment."),
    )  # fmt: skip
    allowed_addresses = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4, "cols": 40, "dir": "ltr"}),
        help_text=_("Addresses or networks that may send, one a line. Empty: any."),
    )  # fmt: skip
    overlap_hours = forms.IntegerField(
        required=False, min_value=0, max_value=168, initial=DEFAULT_OVERLAP_HOURS,
        help_text=_("How long the previous value of a secret that is set now still holds."),
    )  # fmt: skip

    class Meta:
        model = ProviderCredential
        fields = ("company", "provider", "is_enabled", "environment", "base_url", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["allowed_addresses"] = "\n".join(self.instance.allowed_ips)

    def clean(self) -> dict[str, Any]:
        """Check by the rules of the API, and keep what it makes of the fields."""
        data: dict[str, Any] = super().clean() or {}
        provider = data.get("provider") or self.instance.provider
        given = {name: data[name] for name in ProviderCredential.SECRET_FIELDS if data.get(name)}
        for name in given:
            if provider and name not in self._names(provider):
                self.add_error(name, f"{dict(credential_choices())[provider]} has no {name}.")
        if not self.errors:
            self.change = self._read(data, given)
        return data

    def _names(self, provider: str) -> tuple[str, ...]:
        return (*secret_names(provider), *self.instance.masked())

    def _read(self, data: dict[str, Any], secrets: dict[str, str]) -> CredentialChange:
        hours = data.get("overlap_hours")
        try:
            change = read_change({
                **secrets,
                "overlapHours": DEFAULT_OVERLAP_HOURS if hours is None else hours,
                "enabled": data["is_enabled"],
                "environment": data["environment"],
                "baseUrl": data["base_url"],
                "allowedIps": data["allowed_addresses"].split(),
            })  # fmt: skip
        except ApiError as error:
            for path, fault in error.details.items():
                name = path.split("[")[0]
                self.add_error(_FORM_FIELDS.get(name, name if name in self.fields else None), fault)
            return CredentialChange()
        return dataclasses.replace(change, expires_at=data.get("expires_at"), sets_expiry=True)


def form_for(credential: ProviderCredential | None) -> type[CredentialForm]:
    """Return the form of a credential: a field for each secret of its provider, and for those that it holds besides."""
    fields: dict[str, Any] = {name: SecretField(name, _help(credential, name)) for name in shown_secrets(credential)}
    if credential is not None:
        # A provider is chosen once. Django drops the read-only fields of the model, not those that the form declares.
        fields["provider"] = None
    return type("CredentialForm", (CredentialForm,), {**fields, "__module__": __name__})


def shown_secrets(credential: ProviderCredential | None) -> tuple[str, ...]:
    if credential is None:
        return ProviderCredential.SECRET_FIELDS
    return tuple(dict.fromkeys((*secret_names(credential.provider), *credential.masked())))


def _help(credential: ProviderCredential | None, name: str) -> str:
    if credential is None:
        users = [choice for slug, choice in credential_choices() if name in secret_names(slug)]
        return f"For {', '.join(users)}."
    masked = credential.masked().get(name)
    if masked is None:
        return "Not set."
    until = parse_time(str(credential.secrets.get(name, {}).get("previousUntil", "")))
    overlap = f" The value before holds until {until:%Y-%m-%d %H:%M} UTC." if until and timezone.now() < until else ""
    return f"Set: {masked}. Empty keeps it.{overlap}"


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(CompanyScopedAdmin):
    """One credential per company and provider. Deleting one forgets every value at once."""

    fixed_fields = ("company", "provider")
    list_display = ("provider", "is_enabled", "environment", "secrets_set", "expires_at", "company", "updated_at")
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = (ProviderFilter, "is_enabled", "environment", ("company", CompanyFilter))
    search_fields = ("provider",)
    ordering = ("provider", "id")
    autocomplete_fields = ("company",)
    sortable_by = ("provider", "expires_at", "updated_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = form_for(obj)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            (None, {"fields": ("company", "provider", "is_enabled", "environment", "base_url", "allowed_addresses",
                               "expires_at")}),
            (_("Secrets"), {"fields": (*shown_secrets(obj), "overlap_hours"),
                         "description": "What is typed here is encrypted and never shown again."}),
        )  # fmt: skip

    @admin.display(description=_("secrets"))
    def secrets_set(self, obj: ProviderCredential) -> str:
        return ", ".join(obj.masked()) or "none"

    def save_model(self, request: HttpRequest, obj: ProviderCredential, form: Any, change: bool) -> None:
        """Rotate through the door that the API uses too, which reads the secrets again under a lock."""
        wanted: CredentialChange = form.change
        credential, rotated, changed = set_credential(obj.company, obj.provider, wanted)
        obj.pk, obj._state.adding = credential.pk, False
        if rotated or changed or not change:
            details = change_details(wanted, rotated, changed)
            record_act(
                "credential.rotated" if rotated else "credential.changed",
                company=obj.company, target=obj.provider, details=details, request=request,
            )  # fmt: skip

    def delete_model(self, request: HttpRequest, obj: ProviderCredential) -> None:
        forget_credential(obj.company, obj.provider)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset.select_related("company"):
            self.delete_model(request, credential)

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        """Write a deletion; a change is written where it is made, with the names of the secrets."""
        if act == "deleted":
            record_act("credential.deleted", company=obj.company, target=obj.provider, request=request)
