"""What a played provider writes: a sample, with the wishes of a rush in it, and the events that follow. People are invented."""

from __future__ import annotations

import copy
import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integration.models import SandboxOrder
from integration.sandbox.accounts import sandbox_url
from orders.models import Order
from orders.times import iso_time
from providers.base import InboundRequest
from providers.events import FulfilledBy
from providers.registry import get_adapter
from providers.samples import Dialect, SampleOrder, UnsignedSample, build_sample, sample_events
from providers.talabat.samples import CALLBACKS

MARKET = {"deliveroo": "kw"}
"""Deliveroo's ids begin with the market; the samples' amounts are Kuwaiti."""
UNMAPPED_CODE = "NEW-DISH"
UNMAPPED_NAME = "طبق اليوم"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order is to be like. ``kind`` is an event of the samples that makes an order."""

    kind: str = "created"
    number: int = 1
    customer_name: str = ""
    note: str = ""
    has_unmapped_item: bool = False


@dataclass(frozen=True, slots=True)
class StoredSample(UnsignedSample):
    """A sample whose bytes are already written: a second copy of it is the same to the byte."""

    text: str = ""

    def body(self) -> bytes:
        return self.text.encode()


def new_external_id(provider: str, now: datetime) -> str:
    """Return an id of the provider's own shape that no other order has."""
    if provider == "talabat":
        return str(uuid.uuid4())
    if provider == "deliveroo":
        return f"{MARKET[provider]}:{uuid.uuid4()}"
    return f"{int(now.timestamp())}{secrets.randbelow(10**5):05}"


def known_kind(provider: str, dialect: Dialect, kind: str) -> str:
    """Return the kind where the provider has it, else that of a plain order."""
    return kind if kind in sample_events(provider, dialect) else "created"


def build_creation(
    provider: str, dialect: Dialect, sample: SampleOrder, wish: Wish, answer_by: datetime
) -> UnsignedSample:
    """Return the order as the provider sends it, with the wishes in it; the hub's form is the plain sample."""
    built = build_sample(provider, dialect, known_kind(provider, dialect, wish.kind), sample)
    if dialect == "hub":
        return built
    payload = json.loads(built.body())
    _WRITERS[provider](payload, wish)
    if provider == "talabat":
        payload["expiryDate"] = iso_time(answer_by)
        api = f"{sandbox_url(provider)}/v2"
        payload["callbackUrls"] = {
            name: url and url.replace(CALLBACKS, api) for name, url in payload["callbackUrls"].items()
        }
    return UnsignedSample(payload, built.path, built.method, built.headers)


def build_event(order: SandboxOrder, event: str, now: datetime) -> UnsignedSample | None:
    """Return a later event of an order; None where the provider does not tell of it."""
    dialect: Dialect = "hub" if order.dialect == "hub" else "native"
    if event not in sample_events(order.provider, dialect):
        # Only Jahez itself has a word for an order that timed out; in the hub's form it is cancelled.
        if event != "failed" or "cancelled" not in sample_events(order.provider, dialect):
            return None
        event = "cancelled"
    if order.provider == "talabat" and dialect == "native" and not order.order_ref:
        return None  # without our id in its answer Talabat sends no update, cancellations included
    sample = SampleOrder(order.external_id, order.store_id, now, order.order_ref, order.number)
    built = build_sample(order.provider, dialect, event, sample)
    if order.provider == "deliveroo" and dialect == "native" and built.payload and "order" in built.payload["body"]:
        return _deliveroo_again(order, built)
    return built


def is_carried_by_provider(provider: str, built: UnsignedSample) -> bool:
    """Tell from the payload who brings the order to the customer."""
    request = InboundRequest(body=built.body(), headers=built.headers, path=built.path, method=built.method)
    snapshot = get_adapter(provider).parse(request)[0].snapshot
    return snapshot is not None and snapshot.fulfilled_by in {None, FulfilledBy.PROVIDER}


def told_by_ours(ours: Order, store_id: str) -> dict[str, Any]:
    """Return what a list tells of an order that came from elsewhere, in the provider's form; {} where it has no list."""
    placed_at = iso_time(ours.placed_at)
    if ours.provider == "careem":
        items = [{"id": line.external_id, "quantity": line.quantity, "groups": []} for line in ours.items.all()]
        told = {"branch": {"id": store_id}, "items": items, "price": {"total_taxable_price": float(ours.total)}}
        return {"details": {"created_at": placed_at, **told}}
    if ours.provider == "talabat":
        products = [
            {"remoteCode": line.external_id, "name": line.name, "quantity": str(line.quantity)}
            for line in ours.items.all()
        ]
        told = {"price": {"grandTotal": str(ours.total)}, "products": products}
        return {"token": ours.external_id, "createdAt": placed_at, **told}
    return {}


def _deliveroo_again(order: SandboxOrder, built: UnsignedSample) -> UnsignedSample:
    """Deliveroo sends the whole order with every status: the one that it sent first, with a longer log."""
    payload = json.loads(built.body())
    first = copy.deepcopy(order.payload["body"]["order"])
    said = payload["body"]["order"]
    log = [*first["status_log"], said["status_log"][-1]]
    payload["body"]["order"] = {**first, "status": said["status"], "status_log": log}
    return UnsignedSample(payload, built.path, built.method, built.headers)


# -- writing a wish into each provider's own shape ---------------------------------------------------------------------


def _write_careem(payload: dict[str, Any], wish: Wish) -> None:
    details = payload["details"]
    if details["customer"]["name"] and wish.customer_name:
        details["customer"]["name"] = wish.customer_name
    details["notes"] = wish.note or details["notes"]
    if wish.has_unmapped_item:
        details["items"][-1]["id"] = UNMAPPED_CODE


def _write_talabat(payload: dict[str, Any], wish: Wish) -> None:
    customer = payload["customer"]
    if wish.customer_name:
        first, _, last = wish.customer_name.partition(" ")
        customer["firstName"] = first
        customer["lastName"] = last if customer["lastName"] else ""
    payload["comments"]["customerComment"] = wish.note or payload["comments"]["customerComment"]
    if wish.has_unmapped_item:
        payload["products"][-1].update({"remoteCode": None, "sku": None, "id": "tb-new-dish", "name": UNMAPPED_NAME})


def _write_deliveroo(payload: dict[str, Any], wish: Wish) -> None:
    order = payload["body"]["order"]
    if wish.customer_name:
        if "first_name" in order["customer"]:
            order["customer"]["first_name"] = wish.customer_name.partition(" ")[0]
        else:
            order["delivery"]["customer_name"] = wish.customer_name
    order["order_notes"] = wish.note or order["order_notes"]
    if wish.has_unmapped_item:
        order["items"][-1].update(
            {"pos_item_id": UNMAPPED_CODE, "name": UNMAPPED_NAME, "operational_name": UNMAPPED_NAME}
        )


def _write_jahez(payload: dict[str, Any], wish: Wish) -> None:
    payload["customer_name"] = wish.customer_name or payload["customer_name"]
    payload["notes"] = wish.note or payload["notes"]
    if wish.has_unmapped_item:
        payload["products"][-1]["product_id"] = UNMAPPED_CODE


_WRITERS = {"careem": _write_careem, "talabat": _write_talabat, "deliveroo": _write_deliveroo, "jahez": _write_jahez}
