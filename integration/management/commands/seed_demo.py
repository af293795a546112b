"""``manage.py seed_demo``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from integration.demo import kept_password, seed_demo


class Command(BaseCommand):
    help = (
        "Make the demo company, or what it lacks: two branches, a menu, and credentials for both dialects of every provider. "
        "Safe to run again, for instance after a provider was added."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        password = kept_password(settings.DATA_DIR)
        demo = seed_demo(password)
        says = password if demo.user.check_password(password) else "(the one that was set since)"
        self.stdout.write(f"Company   {demo.company.name} ({demo.company.id})")
        self.stdout.write(f"Sign in   {demo.user.username} / {says}")
        self.stdout.write("Next      python manage.py send_sample all")
