"""What is marked for translation, and its Arabic: ``make messages`` brings ``locale/`` up to date.

Pure Python: neither a fresh machine nor a translator needs gettext's programs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import django
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from orders.labels import labels_of_admin

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "locale/ar/LC_MESSAGES/django.po"
MO = PO.with_suffix(".mo")
PACKAGES = ("orders", "integration", "restaurant_integration")
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
PROVIDER_KEYWORDS: dict[str, Any] = dict.fromkeys(("RejectReason", "_reason"), (2,))
"""The adapters are plain Python and mark nothing: the reasons' labels are translated where a page shows them."""


def marked() -> Catalog:
    """Return everything that is marked in the program and its templates, and the admin's labels, without translations."""
    found = Catalog(fuzzy=False)
    for path, source, keywords in _sources():
        for _line, texts, _comments, context in extract("python", io.BytesIO(source.encode()), keywords):
            found.add(texts, locations=[(path.relative_to(ROOT).as_posix(), 0)], context=context)
    for label in labels_of_admin():
        found.add(label)
    return found


def _sources() -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    """Yield each file as Python source with the functions that mark a text in it."""
    for package in PACKAGES:
        for path in _of_the_program(package):
            yield path, path.read_text(encoding="utf-8"), KEYWORDS
    for path in _of_the_program("providers"):
        yield path, path.read_text(encoding="utf-8"), PROVIDER_KEYWORDS
    for path in sorted((ROOT / "templates").rglob("*.html")):
        lines = templatize(path.read_text(encoding="utf-8"), origin=str(path)).splitlines()
        # What is left of a page is no block of Python: without its indentation it can be read all the same.
        yield path, "\n".join(line.strip() for line in lines), KEYWORDS


def _of_the_program(package: str) -> list[Path]:
    paths = sorted((ROOT / package).rglob("*.py"))
    return [path for path in paths if not {"tests", "migrations", "tests.py"} & set(path.relative_to(ROOT).parts)]


def kept() -> Catalog:
    """Return the catalogue as it stands in the repository."""
    with PO.open("rb") as file:
        return read_po(file, locale="ar")


def refreshed() -> Catalog:
    """Return the catalogue with everything that is marked now; what is marked no longer is gone."""
    catalogue = kept()
    # A near miss would be a wrong sentence on a page: what is new waits for its own translation.
    catalogue.update(marked(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def missing(catalogue: Catalog) -> list[Message]:
    """Return what has no Arabic yet, or lacks a form of its plural."""
    return [message for message in catalogue if message.id and (message.fuzzy or not _is_whole(message))]


def _is_whole(message: Message) -> bool:
    texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return all(texts)


def as_po(catalogue: Catalog) -> bytes:
    """Return the catalogue as text, always in the same order."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, sort_output=True, include_lineno=False)
    return file.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """Return the catalogue as Django reads it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> int:
    """Write both files anew; return 1 where something waits for its Arabic."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
    django.setup()
    catalogue = refreshed()
    PO.write_bytes(as_po(catalogue))
    MO.write_bytes(as_mo(catalogue))
    waiting = missing(catalogue)
    for message in waiting:
        sys.stderr.write(f"no Arabic: {message.id!r}\n")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
