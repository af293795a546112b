"""Settings that would leave a door open are refused, and doubtful ones named."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from integration.checks import SAFE_START, weakness
from restaurant_integration.guard import refuse_unsafe_start

GOOD = "k3y-of-a-test-0123456789-abcdefghijk"
OLD = "old-key-of-a-test-9876543210-zyxwvuts"


@pytest.fixture(autouse=True)
def _sound(settings):
    settings.DEBUG = False
    settings.SECRET_KEY = "s3cret-of-a-test-0123456789-abcdefgh"
    settings.FERNET_KEYS = [GOOD]
    settings.WEBHOOK_VALIDATE_SIGNATURE = True
    settings.SANDBOX_ENABLED = False
    settings.APP_BASE_URL = "https://orders.example.com"


def found() -> list[str]:
    return [message.id for message in run_checks(tags=[SAFE_START])]


def test_sound_settings_have_nothing_to_say():
    assert found() == []


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "has fewer than 32 characters"),
        ("k" * 31, "has fewer than 32 characters"),
        ("k" * 64, "has fewer than 5 different characters"),
        ("django-insecure-0123456789-abcdefghijklmnop", "is the one of an example"),
        ("change-me-change-me-change-me-change-me-42", "is the one of an example"),
        ("s3cret-of-a-test-0123456789-abcd", ""),
    ],
)
def test_a_weak_key_is_told_from_a_good_one(key, fault):
    assert weakness(key) == fault


def test_a_short_secret_key_is_an_error(settings):
    settings.SECRET_KEY = "short"
    assert found() == ["integration.E001"]


def test_no_encryption_key_is_an_error(settings):
    settings.FERNET_KEYS = []
    assert found() == ["integration.E002"]


def test_a_short_encryption_key_is_an_error(settings):
    settings.FERNET_KEYS = ["short", GOOD]
    assert found() == ["integration.E003"]


def test_a_short_old_key_is_a_warning_so_that_one_can_rotate_away_from_it(settings):
    settings.FERNET_KEYS = [GOOD, "short"]
    assert found() == ["integration.W003"]


def test_one_key_for_both_is_a_warning(settings):
    settings.SECRET_KEY = GOOD
    assert found() == ["integration.W004"]


def test_signatures_off_are_an_error(settings):
    settings.WEBHOOK_VALIDATE_SIGNATURE = False
    assert found() == ["integration.E004"]


def test_development_may_use_any_key_and_no_signatures(settings):
    settings.DEBUG, settings.APP_BASE_URL = True, "http://localhost:3001"
    settings.SECRET_KEY, settings.FERNET_KEYS, settings.WEBHOOK_VALIDATE_SIGNATURE = "short", ["short"], False
    assert found() == []


def test_http_outside_localhost_is_a_warning(settings):
    settings.APP_BASE_URL = "http://orders.example.com"
    assert found() == ["integration.W001"]


@pytest.mark.parametrize("address", ["http://localhost:3001", "http://127.0.0.1:3001", "http://[::1]:3001"])
def test_http_on_localhost_is_no_warning(settings, address):
    settings.APP_BASE_URL, settings.SANDBOX_ENABLED = address, True
    assert found() == []


def test_a_sandbox_that_others_reach_is_a_warning(settings):
    settings.SANDBOX_ENABLED = True
    assert found() == ["integration.W002"]


def test_debug_that_others_reach_is_a_warning(settings):
    settings.DEBUG = True
    assert found() == ["integration.W005"]


def test_the_check_command_refuses_a_short_key(settings):
    settings.SECRET_KEY = "short"
    with pytest.raises(SystemCheckError, match=r"integration\.E001"):
        call_command("check", tags=[SAFE_START])


def test_a_server_says_every_fault_at_once_and_quotes_no_key(settings):
    settings.SECRET_KEY, settings.FERNET_KEYS = "tiny-one", ["tiny-two"]
    with pytest.raises(ImproperlyConfigured) as refused:
        refuse_unsafe_start()
    assert "SECRET_KEY has fewer than 32 characters." in str(refused.value)
    assert "CREDENTIAL_ENCRYPTION_KEY has fewer than 32 characters." in str(refused.value)
    assert "tiny" not in str(refused.value)


def test_a_server_starts_with_a_warning_and_logs_it(settings, caplog):
    settings.APP_BASE_URL = "http://orders.example.com"
    refuse_unsafe_start()
    assert "APP_BASE_URL is http outside localhost" in caplog.text


@pytest.mark.parametrize(("token", "ids"), [("", []), ("short", ["integration.W006"]), (GOOD, [])])
def test_a_metrics_token_that_can_be_guessed_is_named(settings, token, ids):
    settings.METRICS_TOKEN = token
    assert found() == ids


@pytest.mark.parametrize(
    ("network", "ids"), [("10.0.0.0/8", []), ("192.0.2.7", []), ("prometheus", ["integration.E005"])]
)
def test_a_network_that_is_none_is_refused(settings, network, ids):
    settings.METRICS_ALLOWED_NETWORKS = [network]
    assert found() == ids
