"""The sentences of alerts in Arabic: those that the program really raises."""

from __future__ import annotations

import pytest
from django.utils import translation

from integration.alert_words import alert_words
from integration.models import Alert
from integration.tests.factories import make_installation


@pytest.mark.django_db
def test_an_alert_that_is_raised_is_arabic_on_an_arabic_page():
    shop = make_installation()
    shop.send_payload("careem", b"{")
    assert Alert.objects.get().message == "An authentic careem event cannot be used and waits in quarantine."
    client = shop.client()
    client.cookies["language"] = "ar"
    html = client.get("/alerts/").content.decode()
    assert "حدث موثوق من careem لا يمكن استخدامه، وهو محجوز." in html
    assert "An authentic" not in html


def test_a_sentence_keeps_its_values_and_an_unknown_one_stays():
    with translation.override("ar"):
        assert alert_words("Careem did not take a status: {odd} 50 %") == "لم يقبل Careem حالة: {odd} 50 %"
        assert alert_words("Something else.") == "Something else."
    with translation.override("en"):
        assert alert_words("Careem did not take a status: no") == "Careem did not take a status: no"
