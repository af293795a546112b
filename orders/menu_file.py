"""The menu as a file: written for a spreadsheet, and read back from one.

What is read is checked whole before a row is written.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orders.export import BOM, safe_cell
from orders.models import Company, MenuProduct, MenuProductCode
from orders.names import name_key
from providers.registry import ADAPTERS

COLUMNS = ("id", "name", "nameAr", "price", "available")
"""Before the columns of the providers, each named by its slug."""
MAX_BYTES = 1_000_000
"""A file that is larger comes in parts: a request has at most one MiB."""
MAX_ROWS = 10_000
_SEPARATOR = "|"
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}
_DELIMITERS = (",", ";", "\t")
_LENGTH = 255


class FileFault(Exception):
    """The file cannot be read at all; the message says why, for a person."""


# -- writing -----------------------------------------------------------------------------------------------------------


def write_menu(company: Company) -> str:
    """Return a company's menu as CSV, in the order of the names. Two queries.

    Ids of one provider stand in one cell with a bar between. A cell that a spreadsheet would take for a formula has an
    apostrophe before it, which :func:`read_rows` takes off again.
    """
    codes: dict[uuid.UUID, dict[str, list[str]]] = {}
    rows = MenuProductCode.objects.filter(company=company).order_by("id")
    for product_id, provider, external_id in rows.values_list("product_id", "provider", "external_id"):
        codes.setdefault(product_id, {}).setdefault(provider, []).append(external_id)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, *ADAPTERS))
    for product in MenuProduct.objects.filter(company=company).order_by("name", "id"):
        ids = codes.get(product.id, {})
        cells = (
            product.id,
            product.name,
            product.name_ar,
            "" if product.price is None else format(product.price.normalize(), "f"),
            str(product.is_active).lower(),
            *(join_ids(ids.get(provider, [])) for provider in ADAPTERS),
        )
        writer.writerow([_quoted(str(cell)) for cell in cells])
    return BOM + out.getvalue()


def join_ids(ids: Iterable[str]) -> str:
    """Return ids in one cell; a bar or a backslash in an id has a backslash before it."""
    return f" {_SEPARATOR} ".join(each.replace("\\", "\\\\").replace(_SEPARATOR, f"\\{_SEPARATOR}") for each in ids)


def split_ids(cell: str) -> list[str]:
    """Return the ids of a cell, without white space around them, each once."""
    parts = re.findall(r"(?:\\.|[^|\\])+", cell)
    ids = (re.sub(r"\\(.)", r"\1", part.strip()) for part in parts)
    return list(dict.fromkeys(each for each in ids if each))


def _quoted(cell: str) -> str:
    return f"'{cell}" if cell.startswith("'") else safe_cell(cell)


def _unquoted(cell: str) -> str:
    rest = cell[1:]
    return rest if cell.startswith("'") and (rest.startswith("'") or safe_cell(rest) != rest) else cell


# -- reading -----------------------------------------------------------------------------------------------------------


def decode(content: bytes) -> str:
    """Return a file's text: UTF-8, or UTF-16 with its mark, as spreadsheets write them. Raises FileFault for anything else."""
    if len(content) > MAX_BYTES:
        raise FileFault(_("The file is larger than one megabyte. Bring the menu in several files."))
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise FileFault(_("The file is not in UTF-8. Save it anew as “CSV UTF-8” and choose it again.")) from None
    if "\x00" in text:
        raise FileFault(_("The file has NUL characters in it: it is no table."))
    return text


def read_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table by the names of their columns, with the line each begins at. Raises FileFault."""
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        _check_columns(columns)
        rows = []
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, _row(columns, cells)))
            line = reader.line_num + 1
            if len(rows) > MAX_ROWS:
                raise FileFault(_("The file has more than %(most)d rows. Bring it in parts.") % {"most": MAX_ROWS})
    except csv.Error:
        raise FileFault(_("Line %(line)d is no line of a table.") % {"line": reader.line_num}) from None
    if not rows:
        raise FileFault(_("The file has no rows below its heading."))
    return rows


def _check_columns(columns: list[str]) -> None:
    known = {*COLUMNS, *ADAPTERS}
    unknown = [column[:40] for column in columns if column not in known]
    if unknown:
        raise FileFault(
            _("The first line has columns that are not known: %(columns)s. Known are: %(known)s.")
            % {"columns": ", ".join(unknown[:5]), "known": ", ".join((*COLUMNS, *ADAPTERS))}
        )
    if len(set(columns)) != len(columns):
        raise FileFault(_("A column stands twice in the first line."))
    if not {"id", "name"} & set(columns):
        raise FileFault(_("The first line needs a column “name” or “id”."))


TOO_MANY = "too-many"


def _row(columns: list[str], cells: list[str]) -> dict[str, str]:
    row = {column: _unquoted(cell.strip()) for column, cell in zip(columns, cells, strict=False)}
    if any(cell.strip() for cell in cells[len(columns) :]):
        row[TOO_MANY] = "yes"
    return row


# -- checking ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Planned:
    """What a row of the file comes to: a new product, changes of one that is there, nothing, or faults."""

    line: int
    title: str
    product: MenuProduct
    is_new: bool = False
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """Column, before, after."""
    new_ids: list[tuple[str, str]] = field(default_factory=list)
    """Provider, id."""
    faults: list[str] = field(default_factory=list)

    @property
    def act(self) -> str:
        if self.faults:
            return "fault"
        return "new" if self.is_new else "changed" if self.changes or self.new_ids else "same"


class Plan:
    """A file beside the menu as it is. An empty cell changes nothing; ids are added, never taken away."""

    def __init__(self, company: Company, text: str) -> None:
        self._company = company
        products = list(MenuProduct.objects.filter(company=company))
        self._products = {product.id: product for product in products}
        self._by_name: dict[str, list[MenuProduct]] = {}
        for product in products:
            self._by_name.setdefault(product.name_key, []).append(product)
        codes = MenuProductCode.objects.filter(company=company).values_list("provider", "external_id", "product_id")
        self._codes = {(provider, external_id): product_id for provider, external_id, product_id in codes}
        self._seen: dict[uuid.UUID, int] = {}
        self.rows = [self._plan(line, row) for line, row in read_rows(text)]

    def counts(self) -> dict[str, int]:
        counts = dict.fromkeys(("new", "changed", "same", "fault"), 0)
        for row in self.rows:
            counts[row.act] += 1
        return counts

    def _plan(self, line: int, row: dict[str, str]) -> Planned:
        ids = {provider: split_ids(row.get(provider, "")) for provider in ADAPTERS}
        planned = Planned(line, row.get("name") or row.get("id", ""), MenuProduct(company=self._company))
        values = _values(row, planned.faults)
        found = self._find(row, ids, planned.faults)
        if found is not None:
            planned.product, planned.title = found, planned.title if row.get("name") else found.name
            if found.id in self._seen:
                planned.faults.append(_("the same product as in line %(line)d") % {"line": self._seen[found.id]})
            self._seen.setdefault(found.id, line)
        elif not planned.faults:
            planned.is_new = True
            if not values.get("name"):
                planned.faults.append(_("name: a new product needs one"))
        for column, value in values.items():
            before = getattr(planned.product, column)
            if value != before and not planned.is_new:
                planned.changes.append((_COLUMN_OF[column], _shown(before), _shown(value)))
            if not planned.faults:
                setattr(planned.product, column, value)
        self._plan_ids(planned, ids)
        if planned.is_new and not planned.faults:
            self._by_name.setdefault(name_key(planned.product.name), []).append(planned.product)
            self._seen.setdefault(planned.product.id, line)
        return planned

    def _find(self, row: dict[str, str], ids: dict[str, list[str]], faults: list[str]) -> MenuProduct | None:
        """Return the product that a row is about: by its id here, else by a provider's id, else by its exact name."""
        if row.get("id"):
            found = self._products.get(_uuid(row["id"]))
            if found is None:
                faults.append(_("id: the menu has no product of this id"))
            return found
        for provider, external_ids in ids.items():
            for external_id in external_ids:
                known = self._products.get(self._codes.get((provider, external_id), _NOBODY))
                if known is not None:
                    return known
        named = self._by_name.get(name_key(row.get("name", "")), []) if row.get("name") else []
        if len(named) > 1:
            faults.append(_("name: several products are called this; give the id of one"))
        return named[0] if named else None

    def _plan_ids(self, planned: Planned, ids: dict[str, list[str]]) -> None:
        for provider, external_ids in ids.items():
            for external_id in external_ids:
                if fault := _text_fault(external_id):
                    planned.faults.append(f"{provider}: {fault}")
                    continue
                owner = self._codes.get((provider, external_id))
                if owner is None:
                    planned.new_ids.append((provider, external_id))
                    self._codes[provider, external_id] = planned.product.id
                elif owner != planned.product.id:
                    planned.faults.append(
                        _("%(provider)s: the id %(id)s is another product's")
                        % {"provider": provider, "id": external_id}
                    )


_NOBODY = uuid.UUID(int=0)
_COLUMN_OF = {"name": "name", "name_ar": "nameAr", "price": "price", "is_active": "available"}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return _NOBODY


def _values(row: dict[str, str], faults: list[str]) -> dict[str, Any]:
    """Return the fields that a row names; what cannot be used goes to ``faults``."""
    values: dict[str, Any] = {}
    if TOO_MANY in row:
        faults.append(_("the row has more cells than the heading"))
    for column, name in (("name", "name"), ("nameAr", "name_ar")):
        text = row.get(column, "")
        if fault := _text_fault(text):
            faults.append(f"{column}: {fault}")
        elif text:
            values[name] = text
    price = row.get("price", "")
    if price and not _PRICE.fullmatch(price):
        faults.append(_("price: expected a number such as 9.750"))
    elif price:
        values["price"] = Decimal(price)
    available = row.get("available", "").casefold()
    if available and available not in _YES | _NO:
        faults.append(_("available: expected true or false"))
    elif available:
        values["is_active"] = available in _YES
    return values


def _text_fault(text: str) -> str:
    if len(text) > _LENGTH:
        return _("longer than %(most)d characters") % {"most": _LENGTH}
    if any(unicodedata.category(character) == "Cc" for character in text):
        return _("a line break or another control character")
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


# -- writing it down ---------------------------------------------------------------------------------------------------


def save_plan(plan: Plan) -> None:
    """Write all rows of a plan without faults, in the caller's transaction. Raises IntegrityError where the menu changed."""
    new = [row.product for row in plan.rows if row.is_new]
    changed = [row.product for row in plan.rows if not row.is_new and row.changes]
    for product in (*new, *changed):
        product.set_keys()
    MenuProduct.objects.bulk_create(new, batch_size=500)
    fields = ["name", "name_ar", "price", "is_active", "name_key", "name_ar_key"]
    MenuProduct.objects.bulk_update(changed, fields, batch_size=200)
    MenuProductCode.objects.bulk_create(_codes(plan.rows), batch_size=500)


def _codes(rows: Sequence[Planned]) -> list[MenuProductCode]:
    return [
        MenuProductCode(
            company_id=row.product.company_id, product=row.product, provider=provider, external_id=external_id
        )
        for row in rows
        for provider, external_id in row.new_ids
    ]
