"""The sentences of alerts in Arabic: those that the program really raises."""

from __future__ import annotations

import zoneinfo

import pytest
import time_machine
from django.utils import timezone, translation

from integration import deadlines
from integration.alert_words import alert_words
from integration.models import Alert
from integration.tests.factories import make_installation
from integration.tests.outbound import received
from orders.times import iso_time


@pytest.mark.django_db
def test_an_alert_that_is_raised_is_arabic_on_an_arabic_page():
    shop = make_installation()
    shop.send_payload("careem", b"{")
    assert Alert.objects.get().message == "An authentic careem event cannot be used and waits in quarantine."
    client = shop.client()
    client.cookies["language"] = "ar"
    html = client.get("/alerts/").content.decode()
    assert "حدث موثوق من Careem لا يمكن استخدامه، وهو محجوز." in html
    assert "An authentic" not in html


def said(message: str, cause: str = "", **details) -> str:
    return alert_words(Alert(message=message, cause=cause, details=details))


def test_a_sentence_keeps_its_values_and_an_unknown_one_stays():
    with translation.override("ar"):
        assert said("careem did not take a status: {odd} 50 %") == "لم يقبل Careem حالة: {odd} 50 %"
        assert said("Something else.") == "Something else."
    with translation.override("en"):
        assert said("careem did not take a status: no") == "Careem did not take a status: no"


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("Asia/Amman", "2026-03-01T12:30:00Z", "15:30"),
        ("Asia/Riyadh", "2026-03-01T20:30:00Z", "23:30"),
        ("Asia/Dubai", "2026-03-01T20:30:00Z", "2026-03-02 00:30"),
    ],
)
def test_an_instant_is_told_in_the_readers_time_zone_with_its_day_where_it_is_another(zone, moment, expected):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False), timezone.override(zoneinfo.ZoneInfo(zone)):
        assert (
            said("2 orders of jahez wait for an answer.", "order_unanswered", firstDeadline=moment)
            == f"2 orders of Jahez wait for an answer. The first is cancelled at {expected}."
        )


def test_an_alert_of_unanswered_orders_holds_its_instant_as_data_alone(amman):
    order = received(amman)
    deadlines.watch(order.accept_by)
    alert = Alert.objects.get()
    assert alert.message == "An order of jahez waits for an answer."
    assert alert.details["firstDeadline"] == iso_time(order.accept_by)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("The worker has not been heard of for 3 minutes.", "لا خبر عن عملية التنفيذ منذ 3 دقائق."),
        (
            "At least 500 overdue rows of the inbox; the oldest waits for over a minute.",
            "صفوف متأخرة في صندوق الوارد: 500 على الأقل؛ أقدمها ينتظر منذ أكثر من دقيقة.",
        ),
        (
            "Deliveries of jahez take long: 95 % of them up to 850 ms.",
            "رسائل Jahez بطيئة: 95 % منها حتى 850 ملّي ثانية.",
        ),
    ],
)
def test_the_installations_sentences_and_their_units_are_arabic(message, expected):
    with translation.override("ar"):
        assert said(message) == expected
