"""How alerts reach people, and from when on something is one. Without a company: the operators' own."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from integration.admin.credential import SecretField
from integration.alert_centre import cause_choices
from integration.alerting.channels import write_channel
from integration.alerting.thresholds import THRESHOLDS
from integration.alerting.trying import try_channel
from integration.models import AlertChannel, AlertNotice, AlertNoticeAttempt, AlertThreshold
from orders.admin.lists import CompanyFilter, LargeListAdmin
from orders.admin_scope import CompanyScopedAdmin, CompanyScopedForm, ReadOnlyAdmin, ScopedInline, is_superuser
from orders.errors import ApiError
from orders.models import Company, User

TESTED_AT_ONCE = 5
_FORM_FIELDS = {
    "leastSeverity": "least_severity",
    "branchId": "branch",
    "onlyEscalations": "only_escalations",
    "escalateTo": "escalate_to",
    "escalateAfterMinutes": "escalate_after_minutes",
}


class OfOneCompanyAdmin(CompanyScopedAdmin):
    """Rows of a company, or of the operators, which superusers alone may make."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "company" in form.base_fields:
            form.base_fields["company"].required = not is_superuser(request)
        return form


class ChannelForm(CompanyScopedForm):
    """A channel; its secrets go in, and never come out."""

    url = SecretField("Address", "https, on the public internet; of a webhook or of Slack's kind. Empty keeps it.")
    secret = SecretField("Signing secret", "whsec_ and base64, of a webhook. Empty keeps it.")
    addresses = forms.CharField(
        label="E-mail addresses", required=False, widget=forms.Textarea(attrs={"rows": 4, "cols": 40, "dir": "ltr"}),
        help_text="One a line.",
    )  # fmt: skip
    only_causes = forms.MultipleChoiceField(
        label="Causes", required=False, choices=cause_choices, widget=forms.CheckboxSelectMultiple,
        help_text="None: every one.",
    )  # fmt: skip

    class Meta:
        model = AlertChannel
        fields = (
            "company", "name", "kind", "enabled", "least_severity", "branch", "only_escalations", "escalate_to",
            "escalate_after_minutes",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["addresses"] = "\n".join(self.instance.emails)
        self.initial["only_causes"] = self.instance.causes

    def clean(self) -> dict[str, Any]:
        """Check by the rules of the API, which also put what is typed into the channel."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        channel: AlertChannel = self.instance
        is_new = channel._state.adding
        if self.errors:
            return data
        if is_new:
            channel.company = data.get("company")
        kind = data.get("kind") or channel.kind
        if is_new and kind == AlertChannel.Kind.WEBHOOK and not data.get("secret"):
            # One that is made here could be shown to nobody.
            self.add_error("secret", "A webhook needs one: whsec_ and the base64 of 24 to 64 bytes.")
            return data
        given: dict[str, Any] = {
            "name": data["name"],
            "enabled": data["enabled"],
            "leastSeverity": data["least_severity"],
            "causes": data["only_causes"],
            "branchId": str(data["branch"].pk) if data.get("branch") else None,
            "onlyEscalations": data["only_escalations"],
            "escalateTo": str(data["escalate_to"].pk) if data.get("escalate_to") else None,
            "escalateAfterMinutes": data["escalate_after_minutes"],
        }
        given |= {name: data[name] for name in ("url", "secret") if data.get(name)}
        if kind == AlertChannel.Kind.EMAIL:
            given["emails"] = data["addresses"].split()
        if is_new:
            given["kind"] = kind
        try:
            write_channel(channel, given)
        except ApiError as error:
            for path, fault in error.details.items():
                name = path.split("[")[0]
                name = "addresses" if name == "emails" else "only_causes" if name == "causes" else name
                name = _FORM_FIELDS.get(name, name)
                self.add_error(name if name in self.fields else None, str(fault))
        return data


@admin.register(AlertChannel)
class AlertChannelAdmin(OfOneCompanyAdmin):
    """Channels. One without a company hears of the installation: backlog, processes, disk, certificate."""

    form = ChannelForm
    fixed_fields = ("company", "kind")
    list_display = ("name", "kind", "enabled", "least_severity", "goes_to", "company", "updated_at")
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = ("kind", "enabled", ("company", CompanyFilter))
    search_fields = ("name",)
    ordering = ("name", "id")
    autocomplete_fields = ("company",)
    sortable_by = ("name", "updated_at")
    fields = (
        "company", "name", "kind", "enabled", "url", "secret", "addresses", "least_severity", "only_causes", "branch",
        "only_escalations", "escalate_to", "escalate_after_minutes",
    )  # fmt: skip
    actions = ("send_test",)

    @admin.display(description="goes to")
    def goes_to(self, obj: AlertChannel) -> str:
        return ", ".join(obj.emails) or obj.masked_url

    @admin.action(description="Send a test by selected channels", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[AlertChannel]) -> None:
        assert isinstance(request.user, User)
        for channel in queryset.select_related("company")[:TESTED_AT_ONCE]:
            steps = try_channel(channel, user=request.user, request=request)
            said = "; ".join(f"{step.name}: {step.outcome} {step.detail}".strip() for step in steps)
            works = all(step.outcome == "ok" for step in steps)
            self.message_user(request, f"{channel.name} – {said}", messages.SUCCESS if works else messages.ERROR)


class NoticeAttemptInline(ScopedInline):
    model = AlertNoticeAttempt
    is_read_only = True
    fields = readonly_fields = ("number", "started_at", "outcome", "response_status", "duration_ms", "error")
    verbose_name_plural = "attempts"


@admin.register(AlertNotice)
class AlertNoticeAdmin(LargeListAdmin, ReadOnlyAdmin):
    """What the channels were sent, and how each try went."""

    company_lookup = "channel__company_id"
    list_display = ("created_at", "channel", "kind", "cause", "status", "attempts", "error")
    list_select_related = ("channel__company",)
    list_filter: ClassVar[Any] = ("kind", "status")
    ordering = ("-created_at", "-id")
    fields = (
        "id", "channel", "kind", "cause", "content", "status", "attempts", "error", "next_attempt_at", "created_at",
        "finished_at",
    )  # fmt: skip
    inlines = (NoticeAttemptInline,)

    def company_of(self, obj: AlertNotice) -> Company | None:
        return obj.channel.company


class ThresholdForm(CompanyScopedForm):
    name = forms.ChoiceField(
        choices=lambda: [(entry.name, f"{entry.title} ({entry.unit})") for entry in THRESHOLDS.values()]
    )

    class Meta:
        model = AlertThreshold
        fields = ("company", "name", "value")

    def clean(self) -> dict[str, Any]:
        """Refuse a company's threshold without one, the installation's with one, and what is too great."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        entry = THRESHOLDS.get(data.get("name") or self.instance.name)
        if entry is None or "value" not in data:
            return data
        company = self.instance.company if not self.instance._state.adding else data.get("company")
        if entry.of_installation != (company is None):
            whose = "the installation: leave the company empty" if entry.of_installation else "a company: choose one"
            raise ValidationError({"name": f"This threshold is of {whose}."})
        if data["value"] > entry.most:
            raise ValidationError({"value": f"At most {entry.most}; 0 turns the rule off."})
        return data


@admin.register(AlertThreshold)
class AlertThresholdAdmin(OfOneCompanyAdmin):
    """Thresholds that differ from the defaults."""

    form = ThresholdForm
    list_display = ("name", "value", "company")
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = (("company", CompanyFilter),)
    ordering = ("name", "id")
    fields = ("company", "name", "value")
