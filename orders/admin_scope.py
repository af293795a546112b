"""The border in the admin: an owner works on the rows of their own companies, a superuser on all, anybody else on none."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from orders.audit import record_act
from orders.models import Company, Membership, Role, User

if TYPE_CHECKING:
    _BaseModelAdmin = admin.options.BaseModelAdmin[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[Any]
else:
    _BaseModelAdmin, _ModelAdmin, _TabularInline = object, admin.ModelAdmin, admin.TabularInline
    _ModelForm = forms.ModelForm

_View = TypeVar("_View", bound=Callable[..., HttpResponse | None])


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def owned_company_ids(request: HttpRequest) -> list[uuid.UUID]:
    """Return the companies that the person owns, read once per request.

    An owner who is limited to some branches is none here: the admin shows a company whole.
    """
    known: list[uuid.UUID] | None = getattr(request, "_owned_company_ids", None)
    if known is None:
        user = request.user
        known = []
        if isinstance(user, User) and user.is_active and user.is_staff:
            owned = Membership.objects.filter(user=user, role=Role.OWNER, is_limited=False)
            known = list(owned.values_list("company_id", flat=True))
        request._owned_company_ids = known  # type: ignore[attr-defined]
    return known


def is_operator(request: HttpRequest) -> bool:
    """Return whether the person has anything to do in the admin."""
    return is_superuser(request) or bool(owned_company_ids(request))


def sees_several_companies(request: HttpRequest) -> bool:
    return is_superuser(request) or len(owned_company_ids(request)) > 1


def hides_refusals(view: _View) -> _View:
    """Answer 404 where Django would answer 403: what a person may not see does not exist."""

    @wraps(view)
    def hiding(*args: Any, **kwargs: Any) -> HttpResponse | None:
        try:
            return view(*args, **kwargs)
        except PermissionDenied:
            raise Http404 from None

    return hiding  # type: ignore[return-value]


class CompanyScopedForm(_ModelForm):
    """A form whose row keeps its company; constraints that speak of the company are checked all the same."""

    def _get_validation_exclusions(self) -> set[str]:
        # The company is read-only on a change, and Django skips every constraint that names an excluded field:
        # two rows of one provider would then fail in the database instead of on the page.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"company"} if getattr(self.instance, "company_id", None) else excluded


class ScopedFields(_BaseModelAdmin):
    """Form fields that offer, and take, rows of the person's own companies only."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        own = self._own_rows(db_field.remote_field.model, request)
        if own is not None:
            kwargs["queryset"] = own
        is_only_company = db_field.name == "company" and not sees_several_companies(request)
        if is_only_company and own is not None:
            kwargs["initial"] = own.first()
            kwargs["empty_label"] = None
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        own = self._own_rows(db_field.remote_field.model, request)
        if own is not None:
            kwargs["queryset"] = own
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _own_rows(self, model: type[models.Model], request: HttpRequest) -> QuerySet[Any] | None:
        found = self.admin_site._registry.get(model)
        return found.get_queryset(request) if isinstance(found, CompanyScopedAdmin) else None

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Return the fields that ask for rows as one types, for those who may look at such rows; others get a list."""
        wanted = super().get_autocomplete_fields(request)
        return [name for name in wanted if self._may_search(name, request)]

    def _may_search(self, name: str, request: HttpRequest) -> bool:
        if name == "company" and not sees_several_companies(request):
            return False
        field: Any = self.opts.get_field(name)
        remote = field.remote_field.model
        found = self.admin_site._registry.get(remote)
        return found is not None and found.has_view_permission(request)


class CompanyScopedAdmin(ScopedFields, _ModelAdmin):
    """Rows of one company each. ``company_lookup`` leads from a row to its company's id.

    What belongs to another company answers exactly like what is not there. Every change is in the audit trail.
    """

    company_lookup: ClassVar[str] = "company_id"
    superuser_only: ClassVar[bool] = False
    can_add: ClassVar[bool] = True
    can_change: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    fixed_fields: ClassVar[tuple[str, ...]] = ("company",)
    """Chosen when a row is made, and never again."""
    allowed_lookups: ClassVar[tuple[str, ...]] = ()
    """Query parameters that our own links use, besides those of the filters."""
    form = CompanyScopedForm
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False

    # -- whose rows ----------------------------------------------------------------------------------------------------

    def in_scope(self, queryset: QuerySet[Any], company_ids: list[uuid.UUID]) -> QuerySet[Any]:
        """Return the rows of these companies."""
        if len(company_ids) == 1:
            # An equality reads the newest rows straight from their index; IN would sort.
            return queryset.filter(**{self.company_lookup: company_ids[0]})
        return queryset.filter(**{f"{self.company_lookup}__in": company_ids})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        return queryset if is_superuser(request) else self.in_scope(queryset, owned_company_ids(request))

    def company_of(self, obj: Any) -> Company | None:
        """Return the company that the audit trail names for a row."""
        company: Company | None = obj.company
        return company

    # -- who may -------------------------------------------------------------------------------------------------------

    def _may(self, request: HttpRequest, obj: Any = None) -> bool:
        if is_superuser(request):
            return True
        if self.superuser_only or not is_operator(request):
            return False
        if obj is None or obj.pk is None or obj._state.adding:
            return True
        return self.get_queryset(request).filter(pk=obj.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_change and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_delete and self._may(request, obj)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term.replace("\x00", ""))

    # -- what is not theirs does not exist -----------------------------------------------------------------------------

    @hides_refusals
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if any("\x00" in value for _, values in request.GET.lists() for value in values):
            # Postgres takes no NUL in a text.
            raise Http404
        return super().changelist_view(request, extra_context)

    @hides_refusals
    @method_decorator(sensitive_post_parameters())
    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, extra_context)

    @hides_refusals
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return super().delete_view(request, object_id, extra_context)

    @hides_refusals
    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return super().history_view(request, object_id, extra_context)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    @hides_refusals
    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:  # type: ignore[override]
        try:
            return super().response_action(request, queryset)
        except ValidationError:
            # A forged selection that holds no ids.
            raise Http404 from None

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Take the parameters of the page's own filters and links, so that nobody probes or scans another column.

        A name that is no column is let through: Django then shows the list with an error, as for any mistyped address.
        """
        if lookup.split("__")[0] not in {field.name for field in self.opts.get_fields()} | {"pk"}:
            return True
        known = set(self.allowed_lookups)
        for item in self.get_list_filter(request) if request is not None else ():
            name = item[0] if isinstance(item, (list, tuple)) else getattr(item, "parameter_name", item)
            known |= {f"{name}", f"{name}__exact", f"{name}__id__exact", f"{name}__isnull"}
        return lookup in known

    # -- what the pages show -------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        readonly = list(super().get_readonly_fields(request, obj))
        if obj is not None:
            readonly += [name for name in self.fixed_fields if name not in readonly]
        return readonly

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        return columns if sees_several_companies(request) else [name for name in columns if name != "company"]

    # -- the audit trail -----------------------------------------------------------------------------------------------

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.record(request, obj, "created")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if message:
            self.record(request, obj, "changed", {"fields": _changed_names(message)})
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Any]) -> Any:
        rows = list(queryset)
        for obj in rows:
            self.record(request, obj, "deleted")
        return super().log_deletions(request, rows)  # type: ignore[arg-type]

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        """Write an act into the audit trail, with the names of fields and no values."""
        record_act(
            f"{self.opts.model_name}.{act}",
            company=self.company_of(obj), target=self.target_of(obj), details=details, request=request,
        )  # fmt: skip

    def target_of(self, obj: Any) -> str:
        """Return what the audit trail calls a row."""
        return str(obj.pk)


class ReadOnlyAdmin(CompanyScopedAdmin):
    """Rows that people look at and never write here."""

    can_add = can_change = can_delete = False


class ScopedInline(ScopedFields, _TabularInline):
    """Rows of a row: whoever may change the one may change the other, unless it is read-only."""

    is_read_only: ClassVar[bool] = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)

    def _may_write(self, request: HttpRequest) -> bool:
        return not self.is_read_only and is_operator(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request)


def _changed_names(message: Any) -> list[str]:
    """Return the names of changed fields from Django's change message, which holds no values."""
    names: list[str] = []
    for part in message if isinstance(message, list) else []:
        for entry in part.values():
            names += map(str, entry.get("fields", []))
            if "name" in entry and not entry.get("fields"):
                names.append(str(entry["name"]))
    return names
