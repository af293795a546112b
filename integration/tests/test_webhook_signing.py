"""The signature of what we send, against the vector that the Standard Webhooks specification's own libraries use."""

from __future__ import annotations

import base64

import pytest

from integration.webhook_signing import key_of, new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # published with the specification
BODY = b'{"test": 2432232314}'


def test_the_published_vector():
    assert signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, (SECRET,)) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_known_answer_of_openssl():
    # printf 'msg_1.1700000000.{"a":1}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:6b6b… -binary | base64
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    headers = signed_headers("msg_1", 1700000000, b'{"a":1}', (secret,))
    assert headers["webhook-signature"] == "v1,tDnYFrCIK4MQWDoOot4FXQ7/xKQ3Ta7J5hEfw60KmoA="


def test_while_a_secret_is_rotated_both_sign_the_newer_first():
    other = new_secret()
    both = signed_headers("m", 1, BODY, (SECRET, other))["webhook-signature"].split(" ")
    assert both == [signed_headers("m", 1, BODY, (each,))["webhook-signature"] for each in (SECRET, other)]


def test_a_new_secret_has_32_bytes_and_is_never_the_same():
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(key_of(first)) == 32


@pytest.mark.parametrize(
    "bad",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_no base64!", "whsec_" + base64.b64encode(b"k" * 23).decode(),
     "whsec_" + base64.b64encode(b"k" * 65).decode(), "whsec_é"],
)  # fmt: skip
def test_what_is_no_secret_is_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        key_of(bad)
