"""The operators' page of the availability, with faults on it, in both languages, themes and sizes."""

from __future__ import annotations

import pytest

from integration.tests.browser.test_matrix import AXE, faults_of

pytestmark = pytest.mark.browser
MAKE = """
import time
from datetime import timedelta
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from integration.availability import STEP
from integration.models import AvailabilitySample
from orders.models import User
from orders.security.sessions import SEEN, STARTED
from orders.times import floor_time

now = floor_time(timezone.now(), STEP)
AvailabilitySample.objects.bulk_create([
    AvailabilitySample(
        source=source, started_at=now - STEP * step * 7, asked=asked, failed=asked if step in bad else step % 9 == 8
    )
    for source, asked, bad in (("probe:riyadh", 20, {3}), ("probe:dubai", 20, {3, 40}), ("webhooks", 900, set()))
    for step in range(12 if source == "probe:dubai" else 0, 1000)
], ignore_conflicts=True)
user = User.objects.create_superuser("availability-operator", first_name="Rania")
store = import_module(settings.SESSION_ENGINE).SessionStore()
store[SESSION_KEY] = str(user.pk)
store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
store[HASH_SESSION_KEY] = user.get_session_auth_hash()
store[STARTED] = store[SEEN] = int(time.time())
store.save()
print(store.session_key)
"""


def test_the_page_has_no_fault_in_either_language_theme_or_size(server, chromium):
    key = server.shell(MAKE).split()[-1]
    found, errors = [], []
    for language in ("en", "ar"):
        context = chromium.new_context(locale="en-US")
        cookies = {"sessionid": key, "language": language}
        context.add_cookies([{"name": name, "value": value, "url": server.url} for name, value in cookies.items()])
        context.add_init_script(path=AXE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        assert page.goto(f"{server.url}/availability/").status == 200
        page.locator("#measure-probes").wait_for()
        found += faults_of(page, "availability", language)
        context.close()
    assert (found, errors) == ([], [])
