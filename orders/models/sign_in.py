"""Counting wrong passwords, where every process sees the count."""

from __future__ import annotations

from django.db import models


class SignInTries(models.Model):
    """The tries of one account from one address, or of one address, in the present window of time."""

    key = models.CharField(max_length=64, primary_key=True)
    """A digest: the table tells nobody which names were tried, nor from where."""
    count = models.PositiveIntegerField(default=0)
    window_ends_at = models.DateTimeField()
    """Until then tries add up; once there are too many, until then nobody is let in."""

    class Meta:
        db_table = "sign_in_tries"
        verbose_name_plural = "sign-in tries"
        indexes = [
            # The daily cleaning.
            models.Index(fields=["window_ends_at"], name="sign_in_tries_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"
