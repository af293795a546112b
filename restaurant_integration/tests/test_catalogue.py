"""The Arabic catalogue is sound, and compiled as it stands."""

from __future__ import annotations

from restaurant_integration.catalogue import MO, PO, as_mo, as_po, kept, marked, missing, refreshed


def test_texts_of_every_kind_of_source_are_found():
    found = {message.id: {place for place, _ in message.locations} for message in marked() if message.id}
    assert "templates/registration/login.html" in found["Sign in"]
    assert "orders/pages.py" in found["Start preparing"]
    assert "providers/careem/calls.py" in found["Our system is down"]
    assert "providers/talabat/calls.py" in found["Bad weather"]
    assert "templates/orders/_row.html" in found["%(n)s item", "%(n)s items"]


def test_a_text_without_arabic_is_told():
    catalogue = kept()
    catalogue.add("Something new")
    catalogue.add(("%(n)s new thing", "%(n)s new things"), ("", "", "", "", "", "x"))
    assert [message.id for message in missing(catalogue)] == [
        "Something new",
        ("%(n)s new thing", "%(n)s new things"),
    ]


def test_the_compiled_catalogue_is_that_of_the_text():
    assert as_mo(kept()) == MO.read_bytes(), "run `make messages`"


def test_the_text_is_written_as_the_program_writes_it():
    assert as_po(kept()) == PO.read_bytes(), "run `make messages`"


def test_every_arabic_text_takes_the_values_of_its_english_one():
    catalogue = kept()
    assert [(message.id, str(fault)) for message in catalogue for fault in message.check(catalogue)] == []
    assert catalogue.num_plurals == 6


def test_everything_that_is_marked_has_its_arabic_and_nothing_else_is_kept():
    catalogue = refreshed()
    assert [message.id for message in missing(catalogue)] == [], "run `make messages`, and translate what it names"
    assert as_po(catalogue) == PO.read_bytes(), "run `make messages`"
