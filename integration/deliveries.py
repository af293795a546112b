"""The deliveries behind an order, as a person reads them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from django.db.models import Prefetch

from integration.models import WebhookAttempt, WebhookLog
from orders.access import Access
from orders.models import Order, Role

MOST = 30
MAX_CHARS = 200_000
MAX_INDENT = 40
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery with its payload in a readable form; ``why_no_payload`` is a code where there is none to show."""

    log: WebhookLog
    payload: str
    is_cut: bool
    why_no_payload: str

    @property
    def attempts(self) -> list[WebhookAttempt]:
        return list(self.log.attempt_set.all())


def deliveries_of(order: Order, access: Access) -> tuple[list[Delivery], bool]:
    """Return the last deliveries about an order, newest first, and whether there are older ones.

    A payload holds the customer's contact: staff no longer see it once the order is finished.
    """
    attempts = Prefetch("attempt_set", WebhookAttempt.objects.select_related("user"))
    logs = WebhookLog.objects.filter(company=access.company, order_id=order.id).select_related("body")
    found = list(logs.prefetch_related(attempts)[: MOST + 1])
    private = order.is_finished and not access.at_least(Role.MANAGER)
    return [_delivery(log, private=private) for log in found[:MOST]], len(found) > MOST


def _delivery(log: WebhookLog, *, private: bool) -> Delivery:
    if private:
        return Delivery(log, "", False, "private")
    if not hasattr(log, "body"):
        return Delivery(log, "", False, "gone")
    text = readable(bytes(log.body.body))
    return Delivery(log, text[:MAX_CHARS], len(text) > MAX_CHARS, "" if text else "empty")


def readable(body: bytes) -> str:
    """Return JSON with line breaks and its letters unescaped, every number as it came; anything else as text.

    What is longer than ``MAX_CHARS`` ends soon after it.
    """
    text = body.decode("utf-8", "replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _indented(text)


def _indented(text: str) -> str:
    """Indent the pieces of valid JSON. Parsing and writing again would lose decimals and keys that stand twice."""
    parts: list[str] = []
    depth, length, opened = 0, 0, False

    def line_break() -> str:
        # Deep nesting is legal, and an indent for each level of it could fill the memory.
        return "\n" + "  " * min(depth, MAX_INDENT)

    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in "]}":
            depth -= 1
            part = piece if opened else line_break() + piece
            opened = False
        else:
            part = line_break() if opened else ""
            opened = piece in "[{"
            depth += opened
            part += {",": "," + line_break(), ":": ": "}.get(piece) or _unescaped(piece)
        parts.append(part)
        length += len(part)
        if length > MAX_CHARS:
            break
    return "".join(parts)


def _unescaped(piece: str) -> str:
    if "\\u" not in piece:
        return piece
    plain = json.dumps(json.loads(piece), ensure_ascii=False)
    return piece if _SURROGATE.search(plain) else plain
