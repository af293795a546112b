"""``/team/``: people, tokens, and everybody's own password."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from integration.tests.api import acts, call, call_with
from integration.tests.factories import Installation
from orders.models import ApiToken, Branch, Membership, SignInTries, User

FRAGMENT = {"X-Fragment": "1"}
PASSWORD = "correct horse battery"
NEW = "a much better secret"


def place(here: Installation, user: User) -> Membership:
    return Membership.objects.get(company=here.company, user=user)


def page(client: Client, path: str = "/team/") -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def secret(answer) -> str:
    """Return what is shown once."""
    return re.search(r'id="secret"[^>]* value="([^"]+)"', answer.content.decode())[1]


def shown(html: str) -> list[str]:
    return re.findall(r'id="member-([0-9a-f-]{36})"', html)


def is_signed_in(client: Client) -> bool:
    return client.get("/alerts/").status_code == 200


def sign_in(username: str, password: str) -> Client | None:
    client = Client()
    client.post("/sign-in/", {"username": username, "password": password})
    return client if is_signed_in(client) else None


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_owners_see_everybody_and_others_themselves(amman, dubai):
    everybody = {str(member.id) for member in Membership.objects.filter(company=amman.company)}
    assert set(shown(page(amman.client()))) == everybody
    for user in (amman.manager, amman.staff):
        html = page(amman.client(user))
        assert shown(html) == [str(place(amman, user).id)]
        assert "Tokens of programs" not in html
        assert "Add a person" not in html
        assert 'href="/team/password/"' in html


WRITES = ["invite/", "{member}/", "{member}/remove/", "{member}/end-sessions/", "{member}/new-password/", "tokens/",
          "tokens/{token}/revoke/"]  # fmt: skip


@pytest.mark.parametrize("role", ["manager", "staff"])
def test_only_owners_act(amman, role):
    token, _ = ApiToken.issue(user=amman.owner, company=amman.company, name="till")
    client = amman.client(getattr(amman, role))
    password = User.objects.get(pk=amman.staff.pk).password
    for path in WRITES:
        path = "/team/" + path.format(member=place(amman, amman.staff).id, token=token.id)
        data = {"username": "new-cook", "role": "owner", "name": "x"}
        assert client.post(path, data).status_code == 403, path
        assert client.post(path, data, headers=FRAGMENT).json()["error"] == "permission_denied"
    assert client.get(f"/team/{place(amman, amman.staff).id}/").status_code == 403
    assert Membership.objects.filter(company=amman.company).count() == 3
    assert list(ApiToken.objects.all()) == [token]
    assert User.objects.get(pk=amman.staff.pk).password == password
    assert acts(amman) == []


def test_another_companys_people_and_tokens_do_not_exist(amman, dubai):
    token, _ = ApiToken.issue(user=dubai.owner, company=dubai.company, name="till")
    client = amman.client()
    for path in WRITES[1:5] + WRITES[6:]:
        path = "/team/" + path.format(member=place(dubai, dubai.staff).id, token=token.id)
        assert client.post(path, {"role": "staff"}).status_code == 404, path
        assert client.post(f"{path}?company={dubai.company.id}", {"role": "staff"}).status_code == 404, path
    assert client.get(f"/team/{place(dubai, dubai.staff).id}/").status_code == 404
    assert client.get(f"/team/?company={dubai.company.id}").status_code == 404
    assert Membership.objects.filter(company=dubai.company).count() == 3
    assert ApiToken.objects.filter(pk=token.pk).exists()
    assert acts(dubai) == []


def test_somebody_who_is_not_there_is_404(amman):
    assert amman.client().post(f"/team/{uuid.uuid4()}/remove/").status_code == 404


# -- adding ------------------------------------------------------------------------------------------------------------


def test_a_person_is_added_with_a_password_that_is_shown_once_and_works(amman):
    client = amman.client()
    answer = client.post(
        "/team/invite/", {"username": "new-cook", "name": "Sami", "email": "s@example.com", "role": "staff"}
    )
    password = secret(answer)
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert sign_in("new-cook", password)
    assert password not in page(client)
    member = place(amman, User.objects.get(username="new-cook"))
    assert (member.role, member.is_limited, member.user.email) == ("staff", False, "s@example.com")
    assert acts(amman)[0] == ("amman-grill-owner", "member.added", "new-cook", {"role": "staff", "branches": None})
    assert password not in str(acts(amman))


def test_a_person_is_added_for_some_branches(amman):
    data = {"username": "new-cook", "role": "manager", "limited": "on", "branches": [str(amman.branch.id)]}
    amman.client().post("/team/invite/", data)
    member = place(amman, User.objects.get(username="new-cook"))
    assert (member.is_limited, list(member.branches.all())) == (True, [amman.branch])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"username": ""}, "This field is required."),
        ({"username": "two words"}, "Enter a valid username"),
        ({"username": "AMMAN-GRILL-STAFF"}, "Somebody has this name already"),
        ({"email": "nowhere"}, "Enter a valid email address."),
        ({"role": "king"}, "Select a valid choice."),
        ({"limited": "on"}, "Choose one branch at least"),
        ({"limited": "on", "branches": ["no-uuid"]}, "is not a valid"),
    ],
)
def test_a_wrong_invitation_is_refused_and_nobody_added(amman, change, fault):
    answer = amman.client().post("/team/invite/", {"username": "new-cook", "role": "staff"} | change)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert User.objects.count() == 3
    assert acts(amman) == []


def test_a_branch_of_another_company_cannot_be_chosen(amman, dubai):
    data = {"username": "new-cook", "role": "staff", "limited": "on", "branches": [str(dubai.branch.id)]}
    assert amman.client().post("/team/invite/", data).status_code == 400
    member = place(amman, amman.staff)
    assert amman.client().post(f"/team/{member.id}/", data).status_code == 400
    assert not User.objects.filter(username="new-cook").exists()
    assert str(dubai.branch.id) not in page(amman.client())


# -- changing and removing ---------------------------------------------------------------------------------------------


def test_a_role_and_branches_are_changed(amman):
    Branch.objects.create(company=amman.company, name="Abdoun")
    member = place(amman, amman.staff)
    client = amman.client()
    data = {"role": "manager", "limited": "on", "branches": [str(amman.branch.id)]}
    assert client.post(f"/team/{member.id}/", data).headers["Location"] == f"/team/{member.id}/"
    member.refresh_from_db()
    assert (member.role, member.is_limited, list(member.branches.all())) == ("manager", True, [amman.branch])
    assert acts(amman) == [("amman-grill-owner", "member.changed", "amman-grill-staff", {
        "role": ["staff", "manager"], "branches": [None, [str(amman.branch.id)]],
    })]  # fmt: skip
    html = page(client, f"/team/{member.id}/")
    assert re.search(r'value="manager" checked', html)
    assert re.search(rf'value="{amman.branch.id}" checked', html)
    client.post(f"/team/{member.id}/", {"role": "owner", "limited": "on", "branches": [str(amman.branch.id)]})
    member.refresh_from_db()
    assert (member.role, member.is_limited) == ("owner", False)


def test_the_last_owner_is_neither_changed_nor_removed(amman):
    member = place(amman, amman.owner)
    client = amman.client()
    for path, data in ((f"/team/{member.id}/", {"role": "staff"}), (f"/team/{member.id}/remove/", {})):
        assert client.post(path, data).headers["Location"] == f"/team/{member.id}/"
        assert "A company keeps one owner who can sign in" in page(client, f"/team/{member.id}/")
        answer = client.post(path, data, headers=FRAGMENT)
        assert (answer.status_code, answer.json()["error"]) == (409, "last_owner")
    member.refresh_from_db()
    assert member.role == "owner"
    assert acts(amman) == []


def test_somebody_is_removed_with_their_tokens_and_their_access(amman):
    key = amman.token(amman.manager)
    theirs = amman.client(amman.manager)
    member = place(amman, amman.manager)
    answer = amman.client().post(f"/team/{member.id}/remove/")
    assert answer.headers["Location"] == "/team/"
    assert call_with(key, "GET", "status")[0] == 401
    assert theirs.get("/").status_code == 404
    assert acts(amman) == [
        ("amman-grill-owner", "member.removed", "amman-grill-manager", {"role": "manager", "revokedTokens": 1})
    ]


def test_one_of_two_owners_may_leave(amman):
    place(amman, amman.manager)
    Membership.objects.filter(user=amman.manager).update(role="owner")
    client = amman.client()
    assert client.post(f"/team/{place(amman, amman.owner).id}/remove/").headers["Location"] == "/"
    assert not Membership.objects.filter(user=amman.owner).exists()


def test_all_sessions_of_somebody_end(amman):
    first, second, others = amman.client(amman.staff), amman.client(amman.staff), amman.client(amman.manager)
    amman.client().post(f"/team/{place(amman, amman.staff).id}/end-sessions/")
    assert [is_signed_in(client) for client in (first, second, others)] == [False, False, True]
    assert sign_in(amman.staff.username, PASSWORD)
    assert acts(amman)[0] == ("amman-grill-owner", "member.sessions_ended", "amman-grill-staff", {})


def test_one_ends_ones_own_other_sessions_and_stays(amman):
    here, elsewhere = amman.client(), amman.client()
    here.post(f"/team/{place(amman, amman.owner).id}/end-sessions/")
    assert (is_signed_in(here), is_signed_in(elsewhere)) == (True, False)


def test_an_ended_session_stays_ended_when_it_happens_again(amman):
    client = amman.client(amman.staff)
    for _ in range(2):
        amman.client().post(f"/team/{place(amman, amman.staff).id}/end-sessions/")
        assert not is_signed_in(client)


def test_a_session_outlives_the_change_of_the_secret_key(amman, settings):
    amman.client().post(f"/team/{place(amman, amman.staff).id}/end-sessions/")
    client = Client()
    client.force_login(User.objects.get(pk=amman.staff.pk))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key-" * 6
    assert is_signed_in(client)


def test_a_forgotten_password_is_made_anew_and_shown_once(amman):
    theirs = amman.client(amman.staff)
    client = amman.client()
    path = f"/team/{place(amman, amman.staff).id}/"
    password = secret(client.post(f"{path}new-password/"))
    assert password not in page(client, path)
    assert not is_signed_in(theirs)
    assert sign_in(amman.staff.username, PASSWORD) is None
    assert sign_in(amman.staff.username, password)
    assert acts(amman)[0] == ("amman-grill-owner", "member.password_reset", "amman-grill-staff", {})


def test_nobody_gets_a_password_that_opens_another_company(amman, dubai):
    Membership.objects.create(user=amman.staff, company=dubai.company, role="owner")
    User.objects.filter(pk=amman.manager.pk).update(is_superuser=True)
    for user in (amman.staff, amman.manager, amman.owner):
        path = f"/team/{place(amman, user).id}/"
        assert "Make a new password" not in page(amman.client(), path)
        answer = amman.client().post(f"{path}new-password/", headers=FRAGMENT)
        assert (answer.status_code, answer.json()["error"]) == (409, "not_allowed")
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert acts(amman) == []


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_a_token_is_made_shown_once_used_and_revoked(amman):
    client = amman.client()
    key = secret(client.post("/team/tokens/", {"name": "Till 1"}))
    token = ApiToken.objects.get(name="Till 1")
    assert "never used" in page(client)
    assert call_with(key, "GET", "status")[0] == 200
    html = page(client)
    assert "last used" in html
    assert key not in html
    client.post(f"/team/tokens/{token.id}/revoke/")
    assert call_with(key, "GET", "status")[0] == 401
    assert acts(amman) == [
        ("amman-grill-owner", "token.issued", str(token.id), {"name": "Till 1"}),
        ("amman-grill-owner", "token.revoked", str(token.id), {"name": "Till 1"}),
    ]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
def test_a_token_without_a_usable_name_is_not_made(amman, name):
    answer = amman.client().post("/team/tokens/", {"name": name})
    assert "Give the token a name" in answer.content.decode()
    assert not ApiToken.objects.exists()


# -- one's own password ------------------------------------------------------------------------------------------------


def change(client: Client, old: str = PASSWORD, new: str = NEW, again: str | None = None):
    data = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    return client.post("/team/password/", data)


@pytest.mark.parametrize("role", ["owner", "manager", "staff"])
def test_everybody_changes_their_own_password_and_other_sessions_end(amman, role):
    user = getattr(amman, role)
    here, elsewhere = amman.client(user), amman.client(user)
    assert change(here).headers["Location"] == "/team/"
    assert "Your password is changed." in page(here)
    assert (is_signed_in(here), is_signed_in(elsewhere)) == (True, False)
    assert sign_in(user.username, PASSWORD) is None
    assert sign_in(user.username, NEW)
    assert acts(amman)[0] == (user.username, "person.password_changed", user.username, {})


def test_a_changed_password_stands_in_the_trail_of_each_company(amman, dubai):
    Membership.objects.create(user=amman.staff, company=dubai.company)
    change(amman.client(amman.staff))
    assert [entry[1] for entry in acts(amman)] == [entry[1] for entry in acts(dubai)] == ["person.password_changed"]


@pytest.mark.parametrize(
    ("old", "new", "again", "fault"),
    [
        ("wrong", NEW, None, "Your old password was entered incorrectly."),
        (PASSWORD, "short", None, "This password is too short."),
        (PASSWORD, "password", None, "This password is too common."),
        (PASSWORD, NEW, "another", "The two password fields didn’t match."),
        (PASSWORD, "", "", "This field is required."),
    ],
)
def test_a_wrong_change_of_the_password_changes_nothing(amman, old, new, again, fault):
    here, elsewhere = amman.client(amman.staff), amman.client(amman.staff)
    answer = change(here, old, new, again)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert (is_signed_in(here), is_signed_in(elsewhere)) == (True, True)
    assert User.objects.get(pk=amman.staff.pk).check_password(PASSWORD)
    assert acts(amman) == []


def test_who_guesses_the_old_password_has_to_wait(amman):
    client = amman.client(amman.staff)
    for _ in range(10):
        assert change(client, "wrong").status_code == 400
    answer = change(client)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert User.objects.get(pk=amman.staff.pk).check_password(PASSWORD)


def test_the_right_old_password_forgives_the_tries(amman):
    client = amman.client(amman.staff)
    change(client, "wrong")
    assert sorted(SignInTries.objects.values_list("count", flat=True)) == [1, 1]
    change(client)
    # The account's tries are forgotten; the wrong one stays with its address.
    assert list(SignInTries.objects.values_list("count", flat=True)) == [1]


def test_the_api_and_the_pages_write_the_same_acts(amman):
    member = call(amman, "POST", "members", {"username": "by-api", "role": "staff"})[1]["data"]["id"]
    amman.client().post("/team/invite/", {"username": "by-page", "role": "staff"})
    other = place(amman, User.objects.get(username="by-page")).id
    call(amman, "DELETE", f"members/{member}")
    amman.client().post(f"/team/{other}/remove/")
    told = [(actor, action, details) for actor, action, _, details in acts(amman)]
    assert told[0] == told[1]
    assert told[2] == told[3]


def test_the_team_is_in_the_navigation_of_owners_and_the_account_in_everybodys_menu(amman):
    for user, is_there in ((amman.owner, True), (amman.manager, False), (amman.staff, False)):
        html = page(amman.client(user), "/")
        assert ('href="/team/">Team<' in html) is is_there
        assert 'href="/team/">Your account<' in html
        assert 'href="/team/password/"' in html
