"""``credentials/{provider}``: owners read, set and forget what proves their providers."""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.addresses import AddressError, check_base_url
from integration.api.credential_shapes import CredentialAnswer, CredentialForgottenAnswer, CredentialRequest
from integration.api.reading import Fields, body_of
from integration.credentials import CredentialChange, change_credential, credential_json, forget_credential
from integration.models import ProviderCredential
from integration.models.credential import DEFAULT_OVERLAP_HOURS, NEXARA
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY
from orders.audit import record_act
from orders.errors import ApiError
from orders.models import Role
from orders.schema import extend_schema, failures
from providers.registry import ADAPTERS

MAX_SECRET = 4_096
MAX_ADDRESSES = 100
_FIELDS = ("baseUrl", "environment", "allowedIps", "overlapHours", "expiresAt", "enabled")
_MASK = "••••"


def check_provider(provider: str, *, hub: bool = False) -> str:
    """Return a provider's slug; raise ApiError 404 where no adapter has it. ``hub`` also allows ``nexara``."""
    if provider not in ADAPTERS and not (hub and provider == NEXARA):
        raise ApiError(404, "unknown_provider", "No provider has this name.")
    return provider


class CredentialView(CompanyAPIView):
    """One provider's credential, or the hub's."""

    role_required: ClassVar[dict[str, Role]] = {"GET": Role.OWNER, "POST": Role.OWNER, "DELETE": Role.OWNER}

    @extend_schema(
        operation_id="credentials_read",
        summary="Read a credential, masked",
        description="`{provider}` is a provider's slug, or `nexara` for the hub. Only the secrets that are set are named.",
        parameters=COMPANY,
        responses={200: CredentialAnswer, **failures(404)},
        tags=["credentials"],
    )
    def get(self, request: Request, provider: str) -> Response:
        """Return what is set, masked."""
        check_provider(provider, hub=True)
        return self._answer(provider)

    @extend_schema(
        operation_id="credentials_set",
        summary="Set or rotate a credential",
        description=(
            "Sets only the fields that it names. A secret that had another value is rotated: the previous value holds for"
            " `overlapHours` more (0 to 168, default 24). An unknown field is refused by name."
        ),
        request=CredentialRequest,
        parameters=COMPANY,
        responses={200: CredentialAnswer, **failures(400, 404)},
        tags=["credentials"],
    )
    def post(self, request: Request, provider: str) -> Response:
        """Set what the body names."""
        check_provider(provider, hub=True)
        change = read_change(body_of(request))
        change_credential(self.company, provider, change, user=self.access.user, request=request._request)
        return self._answer(provider)

    @extend_schema(
        operation_id="credentials_forget",
        summary="Forget a credential at once",
        description="Every value of every field, previous ones too, and the key that the hub gave for this provider.",
        parameters=COMPANY,
        responses={200: CredentialForgottenAnswer, **failures(404)},
        tags=["credentials"],
    )
    def delete(self, request: Request, provider: str) -> Response:
        """Forget everything. Safe to call twice."""
        check_provider(provider, hub=True)
        with transaction.atomic():
            forgotten = forget_credential(self.company, provider)
            if forgotten:
                record_act("credential.deleted", company=self.company, target=provider, request=request._request,
                           user=request.user)  # fmt: skip
        return Response({"success": True, "data": {"provider": provider, "deleted": forgotten}})

    def _answer(self, provider: str) -> Response:
        credential = ProviderCredential.objects.filter(company=self.company, provider=provider).first()
        return Response({"success": True, "data": credential_json(provider, credential, timezone.now())})


def read_change(data: dict[str, Any]) -> CredentialChange:
    """Read what a call sets; raise ApiError with every fault by field, and without any value."""
    fields = Fields(data, (*ProviderCredential.SECRET_FIELDS, *_FIELDS))
    if not fields.faults and not data.keys() - {"overlapHours"}:
        fields.fault("body", "expected at least one field to set")
    change = CredentialChange(
        secrets={name: _secret(fields, name) for name in ProviderCredential.SECRET_FIELDS if fields.has(name)},
        overlap_hours=fields.whole("overlapHours", 0, 168, DEFAULT_OVERLAP_HOURS),
        is_enabled=fields.flag("enabled", default=True) if fields.has("enabled") else None,
        environment=fields.choice("environment", ProviderCredential.Environment.values) or None,
        base_url=_base_url(fields) if fields.has("baseUrl") else None,
        allowed_ips=_addresses(fields) if fields.has("allowedIps") else None,
        expires_at=fields.time("expiresAt"),
        sets_expiry=fields.has("expiresAt"),
    )
    fields.check()
    return change


def _secret(fields: Fields, name: str) -> str:
    """Return a secret exactly as sent: what surrounds it may belong to it."""
    value = fields.data[name]
    if not isinstance(value, str) or not value.strip():
        fields.fault(name, "expected a text that is not blank")
    elif len(value) > MAX_SECRET:
        fields.fault(name, f"expected at most {MAX_SECRET} characters")
    elif any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value):
        fields.fault(name, "expected a text without NUL or lone surrogates")
    elif value.startswith(_MASK):
        fields.fault(name, "expected the secret itself, got its masked form")
    else:
        return value
    return ""


def _base_url(fields: Fields) -> str:
    """Return an address that we may call; ``""`` to go back to the provider's own."""
    url = fields.text("baseUrl", 500).rstrip("/")
    if not url:
        return ""
    try:
        return check_base_url(url)
    except AddressError as error:
        fields.fault("baseUrl", str(error))
    return ""


def _addresses(fields: Fields) -> list[str]:
    value = fields.data["allowedIps"]
    if not isinstance(value, list) or len(value) > MAX_ADDRESSES:
        fields.fault("allowedIps", f"expected a list of at most {MAX_ADDRESSES} addresses or networks")
        return []
    found: list[str] = []
    for index, entry in enumerate(value):
        try:
            network = ipaddress.ip_network(entry.strip() if isinstance(entry, str) else "", strict=False)
        except ValueError:
            fields.fault(f"allowedIps[{index}]", "expected an address or a network such as 203.0.113.0/24")
            continue
        text = str(network.network_address) if network.num_addresses == 1 else str(network)
        if text not in found:
            found.append(text)
    return found
