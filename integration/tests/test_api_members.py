from __future__ import annotations

import logging
import uuid

import pytest
from django.test import Client

from integration.tests.api import acts, call, call_with, invalid, missing
from orders.models import ApiToken, AuditEntry, Branch, Membership, Role, User
from orders.times import iso_time

NEW = {"username": "layla", "email": "layla@example.com", "name": "Layla Haddad", "role": "staff"}
LAST_OWNER = (
    409,
    {
        "success": False,
        "error": "last_owner",
        "message": "A company keeps at least one owner who can sign in.",
        "details": {},
    },
)


def member(installation, role: str) -> Membership:
    return Membership.objects.get(company=installation.company, role=role)


def path(row: Membership | ApiToken) -> str:
    return f"{'tokens' if isinstance(row, ApiToken) else 'members'}/{row.id}"


def second_owner(installation) -> Membership:
    user = User.objects.create_user("second", password="x", is_staff=True)
    return Membership.objects.create(user=user, company=installation.company, role=Role.OWNER)


def test_members_are_listed_last_joined_first(amman, dubai):
    status, answer = call(amman, "GET", "members")
    assert (status, answer["next"]) == (200, None)
    assert [(entry["username"], entry["role"]) for entry in answer["results"]] == [
        ("amman-grill-staff", "staff"),
        ("amman-grill-manager", "manager"),
        ("amman-grill-owner", "owner"),
    ]
    page = call(amman, "GET", "members?limit=2")[1]
    rest = call(amman, "GET", page["next"].split("/api/integration/")[1])[1]
    assert [entry["username"] for entry in rest["results"]] == ["amman-grill-owner"]


def test_one_member_is_told_whole(amman):
    row = member(amman, "staff")
    assert call(amman, "GET", path(row)) == (
        200,
        {
            "success": True,
            "data": {
                "id": str(row.id),
                "username": "amman-grill-staff",
                "name": None,
                "email": None,
                "role": "staff",
                "branches": None,
                "isActive": True,
                "joinedAt": iso_time(row.joined_at),
                "lastSignInAt": None,
            },
        },
    )


def test_a_person_is_added_with_a_password_that_works(amman):
    status, answer = call(amman, "POST", "members", NEW)
    data = answer["data"]
    password, row = data.pop("password"), Membership.objects.get(user__username="layla")
    assert (status, answer["success"], len(password)) == (201, True, 20)
    assert data == {
        "id": str(row.id),
        "username": "layla",
        "name": "Layla Haddad",
        "email": "layla@example.com",
        "role": "staff",
        "branches": None,
        "isActive": True,
        "joinedAt": iso_time(row.joined_at),
        "lastSignInAt": None,
    }
    assert (row.company, row.is_limited, row.user.is_staff) == (amman.company, False, False)
    assert Client().login(username="layla", password=password)
    assert acts(amman) == [("amman-grill-owner", "member.added", "layla", {"role": "staff", "branches": None})]


def test_the_password_is_shown_once_and_logged_never(amman, caplog):
    caplog.set_level(logging.DEBUG)
    password = call(amman, "POST", "members", NEW)[1]["data"]["password"]
    later = repr([call(amman, "GET", "members"), call(amman, "GET", "audit")])
    assert password not in later + caplog.text
    assert "password" not in later


def test_a_person_can_be_limited_to_branches(amman):
    status, answer = call(amman, "POST", "members", NEW | {"branches": [str(amman.branch.id)]})
    assert (status, answer["data"]["branches"]) == (201, [{"id": str(amman.branch.id), "name": "Main"}])
    assert Membership.objects.get(user__username="layla").is_limited


def test_a_new_owner_may_enter_the_admin(amman):
    call(amman, "POST", "members", NEW | {"role": "owner"})
    assert User.objects.get(username="layla").is_staff


@pytest.mark.parametrize("username", ["dubai-diner-staff", "DUBAI-Diner-Staff"])
def test_a_username_is_taken_in_whatever_company(amman, dubai, username):
    assert call(amman, "POST", "members", NEW | {"username": username}) == (
        409,
        {
            "success": False,
            "error": "username_taken",
            "message": "Somebody has this username already.",
            "details": {},
        },
    )
    assert (amman.company.memberships.count(), AuditEntry.objects.count()) == (3, 0)


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"username": ""}, {"username": "expected a text that is not blank"}),
        ({"username": "x" * 151}, {"username": "expected at most 150 characters"}),
        ({"email": "layla"}, {"email": "Enter a valid email address."}),
        ({"role": "admin"}, {"role": "expected one of owner, manager, staff"}),
        ({"role": None}, {"role": "expected one of owner, manager, staff"}),
        ({"branches": []}, {"branches": "expected a list of branch ids, or null for all branches"}),
        ({"branches": ["main"]}, {"branches": "expected branch ids, which are UUIDs"}),
        ({"password": "mine"}, {"password": "unknown field"}),
    ],
)
def test_a_wrong_person_is_refused_by_name(amman, change, details):
    assert call(amman, "POST", "members", NEW | change) == invalid(**details)
    assert not User.objects.filter(email="layla@example.com").exists()


def test_a_username_has_the_usual_characters(amman):
    status, answer = call(amman, "POST", "members", NEW | {"username": "lay la"})
    assert (status, list(answer["details"])) == (400, ["username"])


def test_an_owner_works_in_all_branches(amman):
    body = NEW | {"role": "owner", "branches": [str(amman.branch.id)]}
    assert call(amman, "POST", "members", body) == invalid(branches="an owner works in all branches")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_branch_of_another_company_does_not_exist(amman, dubai, method):
    row = member(amman, "staff")
    target, body = ("members", NEW) if method == "POST" else (path(row), {})
    for branch_id in (dubai.branch.id, uuid.uuid4()):
        assert call(amman, method, target, body | {"branches": [str(branch_id)]}) == missing("This branch")
    assert (User.objects.filter(username="layla").count(), row.branches.count()) == (0, 0)
    assert not AuditEntry.objects.exists()


def test_a_role_is_changed(amman):
    row = member(amman, "staff")
    status, answer = call(amman, "PATCH", path(row), {"role": "manager"})
    assert (status, answer["data"]["role"], answer["data"]["id"]) == (200, "manager", str(row.id))
    assert acts(amman) == [("amman-grill-owner", "member.changed", "amman-grill-staff", {"role": ["staff", "manager"]})]
    assert call(amman, "GET", "credentials/careem", user=amman.staff)[0] == 403


def test_branches_are_set_and_opened_again(amman):
    row, other = member(amman, "staff"), Branch.objects.create(company=amman.company, name="Other")
    limited = call(amman, "PATCH", path(row), {"branches": [str(other.id)]})[1]
    assert limited["data"]["branches"] == [{"id": str(other.id), "name": "Other"}]
    opened = call(amman, "PATCH", path(row), {"branches": None})[1]
    assert opened["data"]["branches"] is None
    assert [details["branches"] for _, _, _, details in acts(amman)] == [
        [None, [str(other.id)]],
        [[str(other.id)], None],
    ]


def test_naming_what_already_is_changes_nothing(amman):
    row = member(amman, "staff")
    assert call(amman, "PATCH", path(row), {"role": "staff", "branches": None})[0] == 200
    assert not AuditEntry.objects.exists()


def test_owners_enter_the_admin_and_others_do_not(amman):
    row = member(amman, "manager")
    Membership.objects.filter(pk=row.pk).update(is_limited=True)
    promoted = call(amman, "PATCH", path(row), {"role": "owner"})[1]
    assert (promoted["data"]["branches"], User.objects.get(pk=row.user_id).is_staff) == (None, True)
    call(amman, "PATCH", path(row), {"role": "staff"})
    assert not User.objects.get(pk=row.user_id).is_staff


def test_who_owns_another_company_stays_in_the_admin(amman, dubai):
    second_owner(amman)
    row = member(amman, "manager")
    Membership.objects.filter(pk=row.pk).update(role="owner")
    Membership.objects.create(user=row.user, company=dubai.company, role=Role.OWNER)
    User.objects.filter(pk=row.user_id).update(is_staff=True)
    call(amman, "PATCH", path(row), {"role": "staff"})
    assert User.objects.get(pk=row.user_id).is_staff
    assert call(amman, "DELETE", path(row))[0] == 200
    assert User.objects.get(pk=row.user_id).is_staff


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "manager"}), ("DELETE", None)])
def test_the_last_owner_stays(amman, dubai, method, body):
    row = member(amman, "owner")
    assert call(amman, method, path(row), body) == LAST_OWNER
    gone = second_owner(amman)
    User.objects.filter(pk=gone.user_id).update(is_active=False)
    assert call(amman, method, path(row), body) == LAST_OWNER
    row.refresh_from_db()
    assert (row.role, AuditEntry.objects.count()) == ("owner", 0)


def test_one_of_two_owners_may_go(amman):
    second_owner(amman)
    row = member_id = Membership.objects.get(user=amman.owner)
    assert call(amman, "PATCH", path(row), {"role": "manager"})[0] == 200
    member_id.refresh_from_db()
    assert (member_id.role, User.objects.get(pk=amman.owner.pk).is_staff) == ("manager", False)


def test_removing_ends_the_access_and_the_tokens_of_this_company(amman, dubai):
    row = member(amman, "manager")
    Membership.objects.create(user=row.user, company=dubai.company, role=Role.STAFF)
    key = amman.token(row.user)
    elsewhere = ApiToken.issue(user=row.user, company=dubai.company, name="other")[1]
    assert call(amman, "DELETE", path(row)) == (
        200,
        {"success": True, "data": {"id": str(row.id), "deleted": True, "revokedTokens": 1}},
    )
    assert call_with(key, "GET", "logs")[0] == 401
    assert call_with(elsewhere, "GET", "logs")[0] == 200
    assert call(amman, "GET", f"logs?company={amman.company.id}", user=row.user)[0] == 404
    assert acts(amman) == [
        ("amman-grill-owner", "member.removed", "amman-grill-manager", {"role": "manager", "revokedTokens": 1})
    ]
    assert User.objects.filter(pk=row.user_id).exists()


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_companys_member_does_not_exist(amman, dubai, method):
    theirs = member(dubai, "staff")
    body = {"role": "manager"} if method == "PATCH" else None
    assert call(amman, method, path(theirs), body) == missing("This member")
    assert call(amman, method, f"members/{uuid.uuid4()}", body) == missing("This member")
    theirs.refresh_from_db()
    assert (theirs.role, AuditEntry.objects.count()) == ("staff", 0)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"body": "expected role or branches"}),
        ({"role": "chef"}, {"role": "expected one of owner, manager, staff"}),
        ({"role": None}, {"role": "expected one of owner, manager, staff"}),
        ({"username": "x"}, {"username": "unknown field"}),
    ],
)
def test_a_wrong_change_is_refused_by_name(amman, body, details):
    assert call(amman, "PATCH", path(member(amman, "staff")), body) == invalid(**details)


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_a_token_is_made_shown_once_and_works(amman, caplog):
    caplog.set_level(logging.DEBUG)
    status, answer = call(amman, "POST", "tokens", {"name": "  kitchen screen "})
    key, row = answer["data"].pop("key"), ApiToken.objects.get()
    entry = {
        "id": str(row.id),
        "name": "kitchen screen",
        "username": "amman-grill-owner",
        "createdAt": iso_time(row.created),
        "lastUsedAt": None,
        "expiresAt": None,
    }
    assert (status, answer) == (201, {"success": True, "data": entry})
    assert call(amman, "GET", "tokens") == (200, {"results": [entry], "next": None})
    assert acts(amman) == [("amman-grill-owner", "token.issued", entry["id"], {"name": "kitchen screen"})]
    assert call_with(key, "GET", "logs")[0] == 200
    used = call(amman, "GET", path(row))[1]["data"]["lastUsedAt"]
    assert used.endswith("Z")
    told = repr([call(amman, "GET", "tokens"), call(amman, "GET", "audit")]) + caplog.text
    assert key not in told
    assert row.token_key not in told


def test_tokens_are_listed_in_pages(amman, dubai):
    for number in range(3):
        ApiToken.issue(user=amman.owner, company=amman.company, name=str(number))
    ApiToken.issue(user=dubai.owner, company=dubai.company, name="theirs")
    page = call(amman, "GET", "tokens?limit=2")[1]
    rest = call(amman, "GET", page["next"].split("/api/integration/")[1])[1]
    assert [entry["name"] for found in (page, rest) for entry in found["results"]] == ["2", "1", "0"]


def test_a_revoked_token_is_refused_at_once(amman):
    key = amman.token(amman.manager)
    row = ApiToken.objects.get()
    assert call(amman, "DELETE", path(row)) == (
        200,
        {"success": True, "data": {"id": str(row.id), "deleted": True}},
    )
    assert call_with(key, "GET", "logs")[0] == 401
    assert acts(amman) == [("amman-grill-owner", "token.revoked", str(row.id), {"name": "test"})]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_companys_token_does_not_exist(amman, dubai, method):
    ApiToken.issue(user=dubai.owner, company=dubai.company, name="theirs")
    theirs = ApiToken.objects.get()
    assert call(amman, method, path(theirs)) == missing("This token")
    assert call(amman, method, f"tokens/{uuid.uuid4()}") == missing("This token")
    assert (ApiToken.objects.count(), AuditEntry.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"name": "expected a text that is not blank"}),
        ({"name": " "}, {"name": "expected a text that is not blank"}),
        ({"name": "x" * 101}, {"name": "expected at most 100 characters"}),
        ({"name": 7}, {"name": "expected a text"}),
        ({"name": "x", "key": "mine"}, {"key": "unknown field"}),
    ],
)
def test_a_wrong_token_is_refused_by_name(amman, body, details):
    assert call(amman, "POST", "tokens", body) == invalid(**details)
    assert not ApiToken.objects.exists()
