"""The shapes of credentials in the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from integration.api.shapes import Shape, answer_shape
from integration.models import ProviderCredential


class CredentialOptions(Shape):
    """What a credential says besides its secrets."""

    enabled = s.BooleanField(required=False)
    environment = s.ChoiceField(ProviderCredential.Environment.choices, required=False)
    baseUrl = s.URLField(required=False, allow_null=True, help_text="https; blank or null for the provider's own.")
    allowedIps = s.ListField(child=s.CharField(), required=False, help_text="Addresses and networks; empty for any.")
    expiresAt = s.DateTimeField(required=False, allow_null=True)


def _secret_fields(help_text: str) -> dict[str, Any]:
    return {
        name: s.CharField(required=False, max_length=4096, help_text=help_text)
        for name in ProviderCredential.SECRET_FIELDS
    }


CredentialRequest = type(
    "CredentialRequest",
    (CredentialOptions,),
    {
        **_secret_fields("Set or rotated."),
        "overlapHours": s.IntegerField(required=False, min_value=0, max_value=168, default=24),
        "__doc__": "Only what is named is set.",
    },
)
Credential = type(
    "Credential",
    (CredentialOptions,),
    {
        "provider": s.CharField(),
        "credentialSet": s.BooleanField(),
        **_secret_fields("Masked, such as `••••1a2b`; absent where it is not set."),
        "previousValidUntil": s.DictField(
            child=s.DateTimeField(), help_text="Secret to when its previous value ends, while it is being rotated."
        ),
        "__doc__": "A credential, masked.",
    },
)
CredentialAnswer = answer_shape("CredentialAnswer", Credential())


class CredentialForgotten(Shape):
    """``deleted`` is false where nothing was set."""

    provider = s.CharField()
    deleted = s.BooleanField()


CredentialForgottenAnswer = answer_shape("CredentialForgottenAnswer", CredentialForgotten())
