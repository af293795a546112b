"""What each channel is told, and when: once a group and hour, sooner when it grows worse, when it is gone, and who is next."""

from __future__ import annotations

import pytest

from integration.alerting.planning import plan
from integration.alerts import acknowledge_alert, raise_alert, resolve_alert
from integration.models import Alert, AlertNotice, AlertThread
from integration.tests.alerting import T0, at, make_channel, told
from orders.models import Branch, Order

pytestmark = pytest.mark.django_db


def alert(here, cause: str = "push_failing", subject: str = "careem", now=T0, **kwargs) -> Alert:
    return raise_alert(here.company if here else None, cause, f"{subject} waits.", subject=subject, now=now, **kwargs)


def resolve(one: Alert, now) -> None:
    resolve_alert(one, None)
    Alert.objects.filter(pk=one.pk).update(resolved_at=now)


def test_a_cause_is_told_once_however_often_it_is_raised(amman):
    channel = make_channel(amman.company)
    for minute in range(0, 50, 10):
        alert(amman, now=at(minutes=minute))
        alert(amman, subject="jahez", now=at(minutes=minute))
        plan(at(minutes=minute))
    assert told(channel) == [("opened", "push_failing")]
    content = AlertNotice.objects.get().content
    assert (content["title"], content["severity"], content["count"]) == ("Answers get through late", "warning", 2)
    assert [each["subject"] for each in content["alerts"]] == ["careem", "jahez"] or len(content["alerts"]) == 2


def test_it_is_told_again_after_an_hour_only_where_it_was_raised_since(amman):
    channel = make_channel(amman.company)
    alert(amman)
    plan(T0)
    assert plan(at(minutes=61)) == 0
    alert(amman, now=at(minutes=62))
    plan(at(minutes=63))
    assert told(channel) == [("opened", "push_failing"), ("repeated", "push_failing")]


def test_what_grows_worse_is_told_before_the_hour_is_over(amman):
    channel = make_channel(amman.company)
    alert(amman)
    plan(T0)
    alert(amman, subject="jahez", severity="critical", now=at(minutes=5))
    plan(at(minutes=5))
    plan(at(minutes=6))
    assert told(channel) == [("opened", "push_failing"), ("repeated", "push_failing")]


def test_causes_are_groups_of_their_own(amman):
    channel = make_channel(amman.company)
    alert(amman)
    alert(amman, "event_dead", severity="critical")
    plan(T0)
    assert sorted(told(channel)) == [("opened", "event_dead"), ("opened", "push_failing")]


def test_it_is_told_once_that_a_cause_is_gone_and_anew_when_it_comes_back(amman):
    channel = make_channel(amman.company)
    one = alert(amman)
    plan(T0)
    resolve(one, at(minutes=10))
    assert plan(at(minutes=11)) == 0, "it may come back at once"
    assert plan(at(minutes=12)) == 1
    assert plan(at(minutes=30)) == 0
    assert told(channel) == [("opened", "push_failing"), ("resolved", "push_failing")]
    content = AlertNotice.objects.get(kind="resolved").content
    assert (content["openedAt"], content["resolvedAt"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:10:00Z")
    alert(amman, now=at(minutes=40))
    plan(at(minutes=40))
    assert told(channel)[-1] == ("opened", "push_failing")


def test_a_cause_that_comes_and_goes_is_one_matter(amman):
    channel = make_channel(amman.company)
    for minute in range(5):
        resolve(alert(amman, now=at(minutes=minute)), at(minutes=minute, seconds=30))
        plan(at(minutes=minute, seconds=20))
        alert(amman, now=at(minutes=minute, seconds=40))
        plan(at(minutes=minute, seconds=50))
    assert told(channel) == [("opened", "push_failing")]


def test_what_was_resolved_before_anybody_was_told_is_not_told(amman):
    channel = make_channel(amman.company)
    resolve(alert(amman), T0)
    plan(at(minutes=5))
    assert told(channel) == []


def test_what_was_acknowledged_before_a_channel_was_there_is_not_told(amman):
    acknowledge_alert(alert(amman), amman.manager)
    channel = make_channel(amman.company)
    plan(T0)
    assert told(channel) == []


@pytest.mark.parametrize(("least", "expected"), [("info", 2), ("warning", 2), ("critical", 1)])
def test_a_channel_hears_from_its_severity_on(amman, least, expected):
    channel = make_channel(amman.company, least_severity=least)
    alert(amman)
    alert(amman, "event_dead", severity="critical")
    plan(T0)
    assert len(told(channel)) == expected


def test_a_channel_hears_of_its_causes_alone(amman):
    channel = make_channel(amman.company, causes=["event_dead"])
    alert(amman)
    alert(amman, "event_dead")
    plan(T0)
    assert told(channel) == [("opened", "event_dead")]


def test_a_branchs_channel_hears_of_its_orders_and_of_what_is_nobodys_alone(amman):
    other = Branch.objects.create(company=amman.company, name="Abdoun")
    here, there = make_channel(amman.company, branch=amman.branch), make_channel(amman.company, "Abdoun", branch=other)
    amman.send("careem")
    order = Order.objects.get()
    alert(amman, "push_dead", details={"orderId": str(order.id)})
    alert(amman, "provider_unreachable")
    plan(T0)
    assert sorted(told(here)) == [("opened", "provider_unreachable"), ("opened", "push_dead")]
    assert told(there) == [("opened", "provider_unreachable")]


def test_nobody_hears_of_another_company(amman, dubai):
    ours, theirs, operators = make_channel(amman.company), make_channel(dubai.company), make_channel(None)
    alert(amman)
    alert(None, "backlog", "inbox")
    plan(T0)
    assert (told(ours), told(theirs), told(operators)) == ([("opened", "push_failing")], [], [("opened", "backlog")])


def test_a_channel_that_is_off_hears_nothing_and_all_that_stands_once_it_is_on(amman):
    channel = make_channel(amman.company, enabled=False)
    alert(amman)
    assert plan(T0) == 0
    channel.enabled = True
    channel.save()
    plan(at(minutes=1))
    assert told(channel) == [("opened", "push_failing")]
    channel.enabled = False
    channel.save()
    plan(at(minutes=2))
    assert not AlertThread.objects.filter(closed_at__isnull=True).exists()


# -- escalation --------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(amman):
    """A channel, and the one that is told when nobody acknowledges within ten minutes."""
    second = make_channel(amman.company, "Owners", "email", only_escalations=True)
    return make_channel(amman.company, escalate_to=second, escalate_after_minutes=10), second


def test_what_nobody_acknowledges_goes_to_the_second_channel_once(amman, two):
    first, second = two
    one = alert(amman)
    for minute in (0, 9):
        plan(at(minutes=minute))
    assert told(second) == []
    for minute in (10, 11, 30):
        plan(at(minutes=minute))
    assert told(second) == [("escalated", "push_failing")]
    resolve(one, at(minutes=40))
    plan(at(minutes=45))
    assert told(first)[-1] == told(second)[-1] == ("resolved", "push_failing")
    assert len(told(second)) == 2


def test_what_somebody_acknowledged_is_not_escalated(amman, two):
    one = alert(amman)
    plan(T0)
    acknowledge_alert(one, amman.staff)
    plan(at(minutes=30))
    assert told(two[1]) == []


def test_a_second_channel_that_is_off_is_not_told(amman, two):
    two[1].enabled = False
    two[1].save()
    alert(amman)
    plan(T0)
    plan(at(minutes=30))
    assert told(two[1]) == []


def test_a_second_channel_that_is_removed_keeps_nothing_from_the_first(amman, two):
    one = alert(amman)
    plan(T0)
    plan(at(minutes=10))
    two[1].delete()
    resolve(one, at(minutes=20))
    plan(at(minutes=25))
    assert told(two[0])[-1] == ("resolved", "push_failing")


# -- at once -----------------------------------------------------------------------------------------------------------


def test_two_planners_that_read_the_same_tell_once(amman):
    from integration.alerting import planning

    channel = make_channel(amman.company)
    alert(amman)
    matter = planning.matters_for(channel, Alert.objects.all(), {})[0]
    assert planning._open(channel, matter, T0) == 1
    assert planning._open(channel, matter, at(seconds=1)) == 0
    thread = AlertThread.objects.get()
    assert planning._say_again(channel, matter, thread, at(hours=1)) == 1
    assert planning._say_again(channel, matter, thread, at(hours=1, seconds=1)) == 0
    assert planning._close(channel, thread, at(hours=2)) == 1
    assert planning._close(channel, thread, at(hours=2)) == 0
    assert [kind for kind, _ in told(channel)] == ["opened", "repeated", "resolved"]


def test_the_cost_does_not_grow_with_the_alerts(amman, django_assert_max_num_queries):
    make_channel(amman.company)
    for number in range(30):
        alert(amman, subject=f"s{number}")
    with django_assert_max_num_queries(10):
        plan(T0)
