"""Which contacts tell two people apart."""

from __future__ import annotations

import pytest

from orders.contacts import e164, is_blank, mask_phone, read_contact
from providers.events import CustomerInfo


@pytest.mark.parametrize(
    ("phone", "country", "expected"),
    [
        ("+962790123456", "JO", "+962790123456"),
        ("962790123456", "JO", "+962790123456"),
        ("0790123456", "JO", "+962790123456"),
        ("00962790123456", "JO", "+962790123456"),
        ("+962 79 012 3456", "SA", "+962790123456"),
        ("971501234567", "JO", "+971501234567"),
        ("440000000000", "GB", ""),
        ("0501234567", "AE", "+971501234567"),
        ("0501234567", "JO", ""),
        ("+49 00000000", "DE", ""),
        ("0", "JO", ""),
        ("", "JO", ""),
        ("+9627******56", "JO", ""),
        ("not a phone", "JO", ""),
    ],
)
def test_phone_is_e164_as_given_or_with_plus_or_in_the_companys_country(phone, country, expected):
    assert e164(phone, country) == expected


@pytest.mark.parametrize(
    "phone",
    ["", "0", "000000000", "+9627******56", "••••56", "XXXXXXX", "+49 00000000", "+962790000000", "+971500000000"],
)
def test_phone_that_tells_nobody_apart_has_no_key(phone):
    assert read_contact(CustomerInfo(name="Lina", phone=phone), "JO").phone_key is None


def test_proxied_phone_is_kept_with_its_code_and_has_no_key():
    contact = read_contact(CustomerInfo(phone="+447700900123", phone_access_code="123"), "GB")
    assert (contact.phone, contact.phone_access_code, contact.phone_key) == ("+447700900123", "123", None)


def test_valid_phone_is_its_own_key():
    contact = read_contact(CustomerInfo(name="Lina", phone="0790123456", email="Lina@Example.com"), "JO")
    assert (contact.phone, contact.phone_key) == ("+962790123456", "+962790123456")
    assert (contact.email, contact.email_key) == ("Lina@Example.com", "lina@example.com")


def test_invalid_phone_is_kept_as_sent():
    assert read_contact(CustomerInfo(phone="12 34"), "JO").phone == "12 34"


@pytest.mark.parametrize(
    "info",
    [
        None,
        CustomerInfo(),
        CustomerInfo(name="***", phone="0", email=""),
        CustomerInfo(name="  ", phone="000", email="s188sduisddsnjknsj"),
        CustomerInfo(name="xxxx", phone="+962*******12", email="l***@example.com"),
    ],
)
def test_blank_zero_or_masked_is_nobody(info):
    assert is_blank(info)


@pytest.mark.parametrize(
    "info", [CustomerInfo(name="Lina"), CustomerInfo(phone="0790123456"), CustomerInfo(email="lina@example.com")]
)
def test_any_one_of_the_three_is_somebody(info):
    assert not is_blank(info)


@pytest.mark.parametrize(("phone", "masked"), [("+962790123456", "••••56"), ("", ""), ("123", "••••")])
def test_masked_phone_shows_its_last_two_digits(phone, masked):
    assert mask_phone(phone) == masked
