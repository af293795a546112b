"""What the domain tells whoever listens, inside its own transactions."""

from django.dispatch import Signal

status_changed_by_person = Signal()
"""Sent by ``change_status`` with ``order`` and ``event``, before the commit. A receiver that raises undoes the change."""
mark_settled = Signal()
"""Sent by ``settling.settle`` with ``order`` and the mark's ``code``, before the commit. A receiver that raises undoes it."""
