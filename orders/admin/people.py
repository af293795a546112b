"""Users, who works where, and the tokens of programs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from orders import members
from orders.admin.lists import CompanyFilter
from orders.admin_scope import CompanyScopedAdmin, CompanyScopedForm, ReadOnlyAdmin, hides_refusals
from orders.models import ApiToken, Membership, Role, User

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin

LAST_OWNER = "A company keeps an owner who can sign in: make somebody else an owner first."


@admin.register(User)
class UserAdmin(CompanyScopedAdmin, _UserAdmin):
    """Everybody who signs in; for superusers. Who may enter the admin follows from ownership and is not set by hand."""

    superuser_only = True
    fixed_fields = ()
    form = UserChangeForm  # type: ignore[assignment]
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    readonly_fields = ("is_staff", "last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    def in_scope(self, queryset: QuerySet[User], company_ids: list[uuid.UUID]) -> QuerySet[User]:
        return queryset.filter(pk__in=Membership.objects.filter(company__in=company_ids).values("user_id"))

    def company_of(self, obj: Any) -> None:
        """Return none: a person may work for several, so it stands in the trail of the installation."""

    @hides_refusals
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, extra_context)

    @hides_refusals
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        owns = change and Membership.objects.filter(user=obj, role=Role.OWNER).exists()
        obj.is_staff = obj.is_superuser or owns
        super().save_model(request, obj, form, change)


class MembershipForm(CompanyScopedForm):
    """A person's role and branches."""

    class Meta:
        model = Membership
        fields = ("company", "user", "role", "is_limited", "branches")
        help_texts = {"is_limited": "An owner is never limited.", "branches": "Counts where the place is limited."}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        company = data.get("company")
        company_id = company.pk if company else self.instance.company_id
        if company_id and any(branch.company_id != company_id for branch in data.get("branches") or ()):
            self.add_error("branches", "Choose branches of this company.")
        return data


class NewMembershipForm(MembershipForm):
    """A place for somebody we know, or for somebody new."""

    new_username = forms.CharField(max_length=150, required=False, validators=[User.username_validator])
    new_email = forms.EmailField(label=_("E-mail"), required=False)
    new_password = forms.CharField(
        label=_("Password"), required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("For the first sign-in."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        username, password = data.get("new_username", ""), data.get("new_password", "")
        if "user" in self.errors or "new_username" in self.errors:
            return data
        if bool(data.get("user")) == bool(username):
            self.add_error("user", "Choose a person, or name a new one below.")
        elif username:
            if User.objects.filter(username__iexact=username).exists():
                self.add_error("new_username", "This name is taken.")
            self._check_password(User(username=username, email=data.get("new_email", "")), password)
        return data

    def _check_password(self, user: User, password: str) -> None:
        try:
            validate_password(password, user)
        except forms.ValidationError as error:
            self.add_error("new_password", error)

    def _get_validation_exclusions(self) -> set[str]:
        excluded = super()._get_validation_exclusions()
        return excluded if self.cleaned_data.get("user") else excluded | {"user"}


@admin.register(Membership)
class MembershipAdmin(CompanyScopedAdmin):
    """Who works for a company. Removing somebody revokes their tokens there; the account stays."""

    form = MembershipForm
    fixed_fields = ("company", "user")
    list_display = ("user", "role", "is_limited", "company", "joined_at")
    list_select_related = ("user", "company")
    list_filter = ("role", ("company", CompanyFilter))
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    ordering = ("joined_at", "id")
    fields = ("company", "user", "role", "is_limited", "branches")
    autocomplete_fields = ("company", "user", "branches")
    actions = None

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewMembershipForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        place = ("company", "user", "role", "is_limited", "branches")
        if obj is not None:
            return ((None, {"fields": place}),)
        return (
            (None, {"fields": place}),
            (_("Somebody new"), {"fields": ("new_username", "new_email", "new_password")}),
        )

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Make the person of a new place; both are rolled back together."""
        data = form.cleaned_data
        if not change and not data.get("user"):
            form.instance.user = User.objects.create_user(
                data["new_username"], email=data["new_email"], password=data["new_password"]
            )
        return super().save_form(request, form, change)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        data = form.cleaned_data
        wanted = Role(data["role"])
        if not change:
            obj.role, obj.is_limited = Role.STAFF, False
            super().save_model(request, obj, form, change)
        branches = [branch.pk for branch in data["branches"]] if data["is_limited"] else None
        members.change_member(obj, role=wanted, branch_ids=branches)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write nothing more: the branches are set with the role."""

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove_member(obj)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except members.LastOwnerError:
            return self._keep_owner(request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except members.LastOwnerError:
            return self._keep_owner(request)

    def _keep_owner(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, LAST_OWNER, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        words = {"created": "added", "deleted": "removed"}
        super().record(request, obj, words.get(act, act), details)

    def target_of(self, obj: Membership) -> str:
        return obj.user.username


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """The keys of programs, without the keys. To delete one is to revoke it; making one is the dashboard's."""

    can_delete = True
    list_display = ("name", "user", "company", "last_used_at", "created", "expiry")
    list_select_related = ("user", "company")
    list_filter = (("company", CompanyFilter),)
    search_fields = ("name", "user__username")
    ordering = ("-created",)
    fields = ("name", "user", "company", "last_used_at", "created", "expiry")

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        super().record(request, obj, "revoked" if act == "deleted" else act, details)

    def target_of(self, obj: ApiToken) -> str:
        return obj.name
