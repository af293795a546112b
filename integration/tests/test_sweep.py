"""How much the sweeper takes on."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from integration import sweep
from integration.models import WebhookLog, WebhookStatus
from integration.tests.factories import make_installation

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed_over(monkeypatch):
    """Five deliveries that are due, room for three, and a broker that takes everything."""
    amman = make_installation()
    for number in range(5):
        amman.send("careem", external_id=f"10{number}")
    past = timezone.now() - timedelta(seconds=1)
    WebhookLog.objects.update(status=WebhookStatus.FAILED, next_attempt_at=past, claim_token=None)
    monkeypatch.setattr(sweep, "BATCH", 3)
    taken = []
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, task, pk, token: taken.append(pk) or True)
    return taken


def test_no_more_is_claimed_than_can_be_under_way(handed_over):
    sweeper = sweep.Sweeper()
    assert [sweeper.sweep(), sweeper.sweep()] == [3, 0]
    assert len(handed_over) == 3
    assert WebhookLog.objects.filter(status=WebhookStatus.FAILED).count() == 2


def test_what_has_ended_makes_room(handed_over):
    sweeper = sweep.Sweeper()
    sweeper.sweep()
    ended = WebhookLog.objects.filter(pk=handed_over[0])
    ended.update(status=WebhookStatus.PROCESSED, next_attempt_at=None, claim_token=None)
    assert sweeper.sweep() == 1


def test_a_lease_that_has_run_out_takes_no_room(handed_over):
    sweeper = sweep.Sweeper()
    sweeper.sweep()
    WebhookLog.objects.filter(pk__in=handed_over).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert sweeper.sweep() == 3


def test_without_a_broker_a_row_is_worked_here_and_handed_to_nobody():
    amman = make_installation()
    amman.send("careem")
    past = timezone.now() - timedelta(seconds=1)
    WebhookLog.objects.update(status=WebhookStatus.FAILED, next_attempt_at=past, claim_token=None)
    with mock.patch.object(sweep.process_event, "apply_async") as published:
        assert sweep.Sweeper(has_broker=False).sweep() == 1
    published.assert_not_called()
    assert WebhookLog.objects.get().status == WebhookStatus.IGNORED, "its order is there already"
