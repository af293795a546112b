"""No index of the tables that every order writes repeats the beginning of another: each costs every order."""

from __future__ import annotations

import pytest
from django.db import models

from integration.models import WebhookAttempt, WebhookBody, WebhookLog
from orders.models import Customer, Order, OrderEvent, OrderItem, OrderItemModifier

WRITTEN = [WebhookLog, WebhookBody, WebhookAttempt, Customer, Order, OrderItem, OrderItemModifier, OrderEvent]


def whole(model: type[models.Model]) -> list[tuple[str, ...]]:
    """Return the columns of the indexes that hold every row: a partial one serves some questions alone."""
    meta = model._meta
    constraints = [each for each in meta.constraints if isinstance(each, models.UniqueConstraint)]
    wholes = [
        tuple(name.lstrip("-") for name in each.fields) for each in (*meta.indexes, *constraints) if not each.condition
    ]
    return wholes + [(field.name,) for field in meta.local_concrete_fields if field.db_index or field.unique]


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
def test_no_index_is_the_beginning_of_another(model):
    found = whole(model)
    assert len(found) == len(set(found))
    assert [one for one in found for other in found if one != other and other[: len(one)] == one] == []


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
def test_every_foreign_key_is_found_by_some_index(model):
    begins = {columns[0] for columns in whole(model)}
    begins |= {index.fields[0].lstrip("-") for index in model._meta.indexes if index.condition}
    keys = {field.name for field in model._meta.local_concrete_fields if field.is_relation}
    assert keys - begins == set()
