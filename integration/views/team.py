"""``/team/``: a company's people and tokens, and everybody's own password."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integration import team
from integration.forms import MemberForm
from integration.views.acting import acted, missing
from orders.access import Access
from orders.audit import record_for_person
from orders.errors import ApiError, bad_request
from orders.members import LastOwnerError, UnknownBranchError, UsernameTakenError, find_member, find_token, may_reset
from orders.models import ApiToken, Branch, Membership, Role
from orders.pages import Text, member_page, page_for
from orders.pagination import DEFAULT_LIMIT, page_after
from orders.security.sign_in import LockedOut, begin_try, forgive, waiting

ROLE_WORDS: dict[str, tuple[Text, Text]] = {
    Role.OWNER: (gettext_lazy("Owner"), gettext_lazy("everything, in all branches: credentials, people, tokens")),
    Role.MANAGER: (gettext_lazy("Manager"), gettext_lazy("also the menu, replays, tests and alerts")),
    Role.STAFF: (gettext_lazy("Staff"), gettext_lazy("sees orders and moves them")),
}
LAST_OWNER = gettext_lazy("A company keeps one owner who can sign in: make somebody else an owner first.")


def act_of(request: HttpRequest, access: Access) -> team.Act:
    return team.Act(access.company, access.user, request)


@member_page
def people(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the people and tokens to owners, and everybody else themselves."""
    return _show(request, access)


def _show(request: HttpRequest, access: Access, **more: Any) -> HttpResponse:
    """Show the page. ``form`` is an invitation with faults, ``secret`` something that is shown this once."""
    is_owner = access.at_least(Role.OWNER)
    members = access.company.memberships.select_related("user").prefetch_related("branches")
    if not is_owner:
        members = members.filter(user=access.user)
    try:
        page, older = page_after(members, request.GET.get("cursor", ""), DEFAULT_LIMIT, ("joined_at", "id"))
    except ApiError:
        return bad_request(request)
    form = more.get("form") or MemberForm(access.company, initial={"role": Role.STAFF})
    context: dict[str, Any] = {
        "is_owner": is_owner,
        "members": [(member, ROLE_WORDS[member.role][0]) for member in page],
        "older": older,
        **more,
        "form": form,
    }
    if is_owner:
        context |= _choices(access)
        context["tokens"] = ApiToken.objects.filter(company=access.company).select_related("user")[:DEFAULT_LIMIT]
        context["has_more_tokens"] = ApiToken.objects.filter(company=access.company).count() > DEFAULT_LIMIT
    return render(request, "integration/team.html", context, status=400 if form.errors else 200)


def _choices(access: Access) -> dict[str, Any]:
    """Return what a person's place is chosen from: the roles in words, and the company's branches."""
    return {
        "roles": [(value, *words) for value, words in ROLE_WORDS.items()],
        "branches": list(Branch.objects.filter(company=access.company)),
    }


# -- people ------------------------------------------------------------------------------------------------------------


@page_for(Role.OWNER, "POST")
def invite(request: HttpRequest, access: Access) -> HttpResponse:
    """Add a person, and show their password this once."""
    form = MemberForm(access.company, request.POST)
    if not form.is_valid():
        return _show(request, access, form=form)
    data = form.cleaned_data
    try:
        member, password = team.invite(
            act_of(request, access), username=data["username"], role=Role(data["role"]), email=data["email"],
            name=data["name"], branch_ids=form.branch_ids(),
        )  # fmt: skip
    except UsernameTakenError:
        form.add_error("username", _("Somebody has this name already, here or in another company."))
        return _show(request, access, form=form)
    return _show(request, access, secret={"kind": "password", "of": member.user.username, "text": password})


@page_for(Role.OWNER, "GET", "HEAD", "POST")
def member(request: HttpRequest, access: Access, member_id: uuid.UUID) -> HttpResponse:
    """Show somebody's role and branches; with POST, change them."""
    found = find_member(access.company, member_id)
    if found is None:
        return missing(request)
    form = MemberForm(access.company, request.POST if request.method == "POST" else None, member=found)
    if request.method == "POST" and form.is_valid():
        try:
            team.change(
                act_of(request, access), found, role=Role(form.cleaned_data["role"]), branch_ids=form.branch_ids()
            )
        except LastOwnerError:
            return acted(request, "team-member", member_id, message=str(LAST_OWNER), ok=False, code="last_owner")
        except UnknownBranchError:
            return missing(request)
        if found.user == access.user and found.role != Role.OWNER:
            # Who is an owner no longer has no business on this page.
            return acted(request, "team", message=_("Saved."))
        return acted(request, "team-member", member_id, message=_("Saved."))
    return _show_member(request, access, found, form)


def _show_member(
    request: HttpRequest, access: Access, found: Membership, form: MemberForm, **more: Any
) -> HttpResponse:
    context = {
        "member": found,
        "form": form,
        **_choices(access),
        "tokens": ApiToken.objects.filter(company=access.company, user=found.user).count(),
        "may_reset": may_reset(found) and found.user != access.user,
        **more,
    }
    return render(request, "integration/team_member.html", context, status=400 if form.errors else 200)


@page_for(Role.OWNER, "POST")
def remove(request: HttpRequest, access: Access, member_id: uuid.UUID) -> HttpResponse:
    """Take somebody out of the company, with their tokens here."""
    found = find_member(access.company, member_id)
    if found is None:
        return missing(request)
    try:
        team.remove(act_of(request, access), found)
    except LastOwnerError:
        return acted(request, "team-member", member_id, message=str(LAST_OWNER), ok=False, code="last_owner")
    if found.user == access.user:
        return HttpResponseRedirect(reverse("orders:stream"), status=303)
    return acted(request, "team", message=_("%(name)s is no longer here.") % {"name": found.user.display_name})


@page_for(Role.OWNER, "POST")
def end_sessions(request: HttpRequest, access: Access, member_id: uuid.UUID) -> HttpResponse:
    """Sign somebody out everywhere; oneself everywhere else."""
    found = find_member(access.company, member_id)
    if found is None:
        return missing(request)
    team.end_sessions(act_of(request, access), found)
    if found.user == access.user:
        access.user.refresh_from_db(fields=["sessions_ended"])
        update_session_auth_hash(request, access.user)
    message = _("%(name)s is signed out everywhere.") % {"name": found.user.display_name}
    return acted(request, "team-member", member_id, message=message)


@page_for(Role.OWNER, "POST")
def new_password(request: HttpRequest, access: Access, member_id: uuid.UUID) -> HttpResponse:
    """Give somebody a new password, and show it this once. Not to oneself, nor to who works for another company too."""
    found = find_member(access.company, member_id)
    if found is None:
        return missing(request)
    if not may_reset(found) or found.user == access.user:
        message = _("Nothing was changed: this person sets their own password.")
        return acted(request, "team-member", member_id, message=message, ok=False, code="not_allowed")
    password = team.reset_password(act_of(request, access), found)
    secret = {"kind": "password", "of": found.user.username, "text": password}
    return _show_member(request, access, found, MemberForm(access.company, member=found), secret=secret)


# -- tokens ------------------------------------------------------------------------------------------------------------


@page_for(Role.OWNER, "POST")
def issue_token(request: HttpRequest, access: Access) -> HttpResponse:
    """Make a token, and show its key this once."""
    name = request.POST.get("name", "").strip()
    if not name or len(name) > 100 or not name.isprintable():
        return _show(request, access, token_fault=_("Give the token a name of at most 100 characters."))
    token, key = team.issue(act_of(request, access), name)
    return _show(request, access, secret={"kind": "token", "of": token.name, "text": key})


@page_for(Role.OWNER, "POST")
def revoke_token(request: HttpRequest, access: Access, token_id: uuid.UUID) -> HttpResponse:
    """Revoke a token."""
    token = find_token(access.company, token_id)
    if token is None:
        return missing(request)
    team.revoke(act_of(request, access), token)
    return acted(request, "team", message=_("The token “%(name)s” is revoked.") % {"name": token.name})


# -- one's own password ------------------------------------------------------------------------------------------------


@page_for(Role.STAFF, "GET", "HEAD", "POST")
def password(request: HttpRequest, access: Access) -> HttpResponse:
    """Change one's own password; every other session ends. Wrong tries count as those of the sign-in."""
    form = PasswordChangeForm(access.user, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "integration/password.html", {"form": form})
    address, username = request.META.get("REMOTE_ADDR", ""), access.user.username
    try:
        begin_try(address, username, timezone.now())
    except LockedOut as locked:
        response = render(
            request, "integration/password.html", {"form": form, "fault": waiting(locked.wait_s)}, status=429
        )
        response.headers["Retry-After"] = str(locked.wait_s)
        return response
    is_valid = form.is_valid()
    if "old_password" not in form.errors:
        forgive(address, username)
    if not is_valid:
        return render(request, "integration/password.html", {"form": form}, status=400)
    with transaction.atomic():
        user = form.save()
        record_for_person("person.password_changed", access.user, user=access.user, target=username, request=request)
    update_session_auth_hash(request, user)
    return acted(request, "team", message=_("Your password is changed. You are signed out everywhere else."))
