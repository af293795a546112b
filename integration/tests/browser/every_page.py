"""Every page there is, in one place: the matrix and the screenshots walk this list. A page that is not in it fails a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLResolver, get_resolver, reverse

from orders.models import Role


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its name in the URLs. ``args`` names rows of ``Furniture``; ``least`` is the least role that sees it."""

    name: str
    args: tuple[str, ...] = ()
    query: str = ""
    least: Role = Role.STAFF
    is_open: bool = False
    """Shown to nobody who is signed in."""

    @property
    def title(self) -> str:
        """A name for a file."""
        return self.name.replace(":", "-") + (f"-{self.query.split('=')[-1]}" if self.query else "")

    def path(self, rows: dict[str, str]) -> str:
        url = reverse(self.name, args=[rows[name] for name in self.args])
        return f"{url}?{self.query}" if self.query else url


PAGES = (
    Page("sign-in", is_open=True),
    Page("orders:stream"),
    Page("orders:board"),
    Page("orders:board", query="wall=1"),
    Page("orders:grid"),
    Page("orders:order", ("order",)),
    Page("orders:ticket", ("order",)),
    Page("find", query="q=a"),
    Page("find", query="q=nowhere"),
    Page("analytics"),
    Page("alerts"),
    Page("alerts", query="state=acknowledged"),
    Page("webhooks"),
    Page("webhook", ("event",)),
    Page("webhooks-waiting"),
    Page("webhooks-replay", least=Role.MANAGER),
    Page("webhooks-test", least=Role.MANAGER),
    Page("integrations"),
    Page("reconciliation", least=Role.MANAGER),
    Page("alert-channels", least=Role.OWNER),
    Page("alert-channels", query="add=webhook", least=Role.OWNER),
    Page("menu"),
    Page("menu-products"),
    Page("menu-product", ("product",)),
    Page("menu-new", least=Role.MANAGER),
    Page("menu-file", least=Role.MANAGER),
    Page("team"),
    Page("team-member", ("member",), least=Role.OWNER),
    Page("password"),
)
NO_PAGES = {
    **dict.fromkeys(
        ("orders:rows", "orders:cards", "bell", "dashboard-panels", "dashboard-together"), "a part of a page"
    ),
    **dict.fromkeys(
        (
            "sign-out", "preferences", "order-branch", "bell-acknowledge", "alert-acknowledge", "alert-resolve",
            "alert-thresholds", "alert-channel-test", "alert-channel-switch", "alert-channel-remove", "webhook-replay",
            "integration-test", "integration-switch", "integration-register", "menu-map", "menu-take", "menu-change",
            "menu-add-id", "menu-delete", "menu-import", "team-invite", "team-tokens", "team-revoke", "team-remove",
            "team-end-sessions", "team-new-password",
        ),
        "takes POST",
    ),
    "orders:providers-css": "a style sheet",
    "orders:revenue": "numbers of a chart",
    "availability": "an operator's, who is a member of nothing: test_availability.py looks at it",
    "menu-export": "a file",
}  # fmt: skip
"""What has a name in the URLs, and why nobody looks at it."""
FOR_MACHINES = ("api/", "admin/", "livez", "readyz", "metrics")


def names_of_pages(resolver: URLResolver | None = None, path: str = "", space: str = "") -> Iterator[str]:
    """Yield the name of every address outside the API and the stock admin."""
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from names_of_pages(entry, here, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif not here.startswith(FOR_MACHINES):
            yield f"{space}{entry.name}"
