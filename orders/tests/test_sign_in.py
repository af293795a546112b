"""Signing in: how often one may be wrong, what the trail says of it, and how long it lasts."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from integration.tests.factories import make_installation
from orders.models import AuditEntry, Membership, Role, SignInTries
from orders.security import sessions, sign_in
from orders.security.sign_in import ACCOUNT_TRIES, LockedOut, begin_try, forget_old_tries, forgive

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
DOORS = pytest.mark.parametrize("door", ["/sign-in/", "/admin/login/"])


@pytest.fixture
def shop():
    here = make_installation("amman-grill", menu=False)
    for user in (here.owner, here.staff):
        user.set_password(PASSWORD)
        user.save()
    return here


def attempt(username: str, password: str, door: str = "/sign-in/", address: str = "198.51.100.7", client=None):
    return (client or Client(REMOTE_ADDR=address)).post(door, {"username": username, "password": password})


def trail() -> list[tuple]:
    fields = ("action", "actor", "target", "address", "company__slug")
    return list(AuditEntry.objects.order_by("created_at", "id").values_list(*fields))


def let_time_pass():
    SignInTries.objects.update(window_ends_at=timezone.now() - timedelta(seconds=1))


# -- the limit ---------------------------------------------------------------------------------------------------------


@DOORS
def test_after_ten_wrong_passwords_the_right_one_has_to_wait(shop, door):
    for _ in range(ACCOUNT_TRIES):
        assert "Too many tries" not in attempt(shop.owner.username, "wrong", door).content.decode()
    refused = attempt(shop.owner.username, PASSWORD, door)
    assert "Too many tries. Wait 15 minutes, then try again." in refused.content.decode()
    assert "_auth_user_id" not in refused.client.session


def test_the_answer_says_how_long_to_wait(shop):
    for _ in range(ACCOUNT_TRIES):
        attempt(shop.staff.username, "wrong")
    refused = attempt(shop.staff.username, PASSWORD)
    assert refused.status_code == 429
    assert 890 <= int(refused.headers["Retry-After"]) <= 900


def test_both_doors_count_together(shop):
    for _ in range(ACCOUNT_TRIES // 2):
        attempt(shop.owner.username, "wrong", "/sign-in/")
        attempt(shop.owner.username, "wrong", "/admin/login/")
    assert attempt(shop.owner.username, PASSWORD).status_code == 429


def test_who_has_waited_is_let_in(shop):
    for _ in range(ACCOUNT_TRIES):
        attempt(shop.staff.username, "wrong")
    let_time_pass()
    assert attempt(shop.staff.username, PASSWORD).status_code == 302


def test_trying_while_locked_makes_the_wait_no_longer(shop):
    for _ in range(ACCOUNT_TRIES):
        attempt(shop.staff.username, "wrong")
    before = list(SignInTries.objects.order_by("key").values_list("key", "count", "window_ends_at"))
    attempt(shop.staff.username, "wrong")
    assert list(SignInTries.objects.order_by("key").values_list("key", "count", "window_ends_at")) == before


def test_another_address_is_not_locked_with_it(shop):
    for _ in range(ACCOUNT_TRIES):
        attempt(shop.staff.username, "wrong")
    assert attempt(shop.staff.username, PASSWORD, address="198.51.100.8").status_code == 302


def test_a_right_password_forgets_the_wrong_ones(shop):
    for _ in range(2):
        for _ in range(ACCOUNT_TRIES - 1):
            attempt(shop.staff.username, "wrong")
        assert attempt(shop.staff.username, PASSWORD).status_code == 302


def test_one_address_cannot_try_many_names(shop, monkeypatch):
    monkeypatch.setattr(sign_in, "ADDRESS_TRIES", 5)
    for number in range(5):
        assert attempt(f"nobody-{number}", "wrong").status_code == 200
    assert attempt(shop.staff.username, PASSWORD).status_code == 429
    assert attempt(shop.staff.username, PASSWORD, address="198.51.100.8").status_code == 302


def test_right_passwords_do_not_use_an_address_up(shop, monkeypatch):
    monkeypatch.setattr(sign_in, "ADDRESS_TRIES", 3)
    for _ in range(6):
        assert attempt(shop.staff.username, PASSWORD).status_code == 302


def test_an_ipv6_sender_does_not_get_new_tries_with_each_address_of_its_network():
    now = timezone.now()
    for number in range(ACCOUNT_TRIES):
        begin_try(f"2001:db8::{number:x}", "cook", now)
    with pytest.raises(LockedOut) as locked:
        begin_try("2001:db8::ffff", "cook", now)
    assert locked.value.wait_s == 900


@pytest.mark.parametrize("name", ["cook", "COOK", "ｃｏｏｋ"])
def test_another_writing_of_a_name_is_the_same_name(name):
    now = timezone.now()
    for _ in range(ACCOUNT_TRIES):
        begin_try("198.51.100.7", "cook", now)
    with pytest.raises(LockedOut):
        begin_try("198.51.100.7", name, now)


def test_a_try_counts_before_its_password_is_looked_at():
    now = timezone.now()
    spent = [begin_try("198.51.100.7", "cook", now) for _ in range(ACCOUNT_TRIES)]
    assert spent == [[]] * (ACCOUNT_TRIES - 1) + [["account"]]


def test_the_table_holds_neither_names_nor_addresses():
    begin_try("198.51.100.7", "cook", timezone.now())
    rows = str(list(SignInTries.objects.values()))
    assert "cook" not in rows
    assert "198.51" not in rows


def test_what_is_over_is_deleted():
    begin_try("198.51.100.7", "cook", timezone.now())
    forgive("198.51.100.7", "cook")
    begin_try("198.51.100.8", "cook", timezone.now() + timedelta(hours=1))
    assert forget_old_tries(timezone.now() + timedelta(minutes=16)) == 1
    assert SignInTries.objects.count() == 2


# -- the trail ---------------------------------------------------------------------------------------------------------


@DOORS
def test_a_sign_in_stands_in_the_trail_of_the_company(shop, door):
    name = shop.owner.username
    assert attempt(name, PASSWORD, door).status_code == 302
    assert trail() == [("person.signed_in", name, name, "198.51.100.7", "amman-grill")]


@DOORS
def test_a_wrong_password_stands_in_the_trail_of_the_company(shop, door):
    attempt(shop.owner.username, "wrong", door)
    assert trail() == [("person.sign_in_failed", "unknown", shop.owner.username, "198.51.100.7", "amman-grill")]


def test_an_unknown_name_stands_in_the_trail_of_the_installation():
    attempt("no" * 75, "wrong")
    assert trail() == [("person.sign_in_failed", "unknown", "no" * 75, "198.51.100.7", None)]


def test_what_was_typed_makes_no_lines_in_the_trail():
    attempt("a\u2028b\x1b[31m", "wrong")
    assert trail()[0][2] == "a\ufffdb\ufffd[31m"


def test_who_works_for_two_companies_stands_in_both_trails(shop):
    other = make_installation("dubai-diner", menu=False)
    Membership.objects.create(user=shop.staff, company=other.company, role=Role.STAFF)
    attempt(shop.staff.username, PASSWORD)
    assert {entry[4] for entry in trail()} == {"amman-grill", "dubai-diner"}


def test_a_lockout_stands_in_the_trail_once(shop):
    for _ in range(ACCOUNT_TRIES + 3):
        attempt(shop.staff.username, "wrong")
    locked = AuditEntry.objects.filter(action="person.locked_out")
    assert [(e.target, e.details, e.address, e.company) for e in locked] == [
        (shop.staff.username, {"scope": "account", "waitS": 900}, "198.51.100.7", shop.company)
    ]
    assert AuditEntry.objects.filter(action="person.sign_in_failed").count() == ACCOUNT_TRIES


def test_no_password_stands_in_the_trail(shop):
    attempt(shop.staff.username, "hunter2-hunter2")
    assert "hunter2" not in str(list(AuditEntry.objects.values()))


def test_a_sign_out_stands_in_the_trail(shop):
    client = Client(REMOTE_ADDR="198.51.100.7")
    attempt(shop.staff.username, PASSWORD, client=client)
    client.post("/sign-out/")
    name = shop.staff.username
    assert trail()[-1] == ("person.signed_out", name, name, "198.51.100.7", "amman-grill")


def test_who_fails_to_sign_in_is_not_who_is_signed_in_already(shop):
    client = Client(REMOTE_ADDR="198.51.100.7")
    client.force_login(shop.staff)
    attempt(shop.owner.username, "wrong", "/admin/login/", client=client)
    assert trail()[0][:3] == ("person.sign_in_failed", "unknown", shop.owner.username)


# -- the session -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_https", "secure"), [(True, True), (False, "")])
def test_the_cookie_is_for_our_server_alone(shop, settings, is_https, secure):
    settings.SESSION_COOKIE_SECURE = is_https
    cookie = attempt(shop.staff.username, PASSWORD).cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", secure)
    assert cookie["max-age"] == 12 * 3600


def test_signing_in_changes_the_session(shop):
    client = Client()
    session = client.session
    session["chosen"] = "by somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    attempt(shop.staff.username, PASSWORD, client=client)
    assert client.session["_auth_user_id"] == str(shop.staff.pk)
    assert client.session.session_key != session.session_key


def test_a_session_in_use_lives_longer(shop, monkeypatch):
    client = shop.client()
    client.get("/")
    assert settings.SESSION_COOKIE_NAME not in client.get("/").cookies
    now = time.time() + sessions.REFRESH_AFTER_S
    monkeypatch.setattr(sessions.time, "time", lambda: now)
    assert client.get("/").cookies[settings.SESSION_COOKIE_NAME]["max-age"] == 12 * 3600


def test_a_session_ends_at_its_greatest_age_however_busy(shop):
    client = shop.client()
    client.get("/")
    session = client.session
    session[sessions.SEEN] = int(time.time())
    session[sessions.STARTED] = int(time.time()) - settings.SESSION_GREATEST_AGE_S
    session.save()
    assert client.get("/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_call_with_a_token_makes_no_session(shop):
    answer = Client().get("/api/orders", headers={"Authorization": f"Token {shop.token()}"})
    assert (answer.status_code, dict(answer.cookies)) == (200, {})


# -- at once -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_hundred_tries_at_once_are_no_way_around_the_limit(shop):
    """On several connections at once. The one that uses the limit up is told so, and it is one alone."""
    if connection.vendor != "postgresql":
        pytest.skip("needs Postgres: SQLite has one writer at a time")

    def one_try(_: int) -> list[str]:
        try:
            return begin_try("198.51.100.7", "cook", timezone.now()) or ["admitted"]
        except LockedOut:
            return ["refused"]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        told = Counter(scope for scopes in pool.map(one_try, range(100)) for scope in scopes)
    assert told == {"admitted": ACCOUNT_TRIES - 1, "account": 1, "refused": 100 - ACCOUNT_TRIES}
