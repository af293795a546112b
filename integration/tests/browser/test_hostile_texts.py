"""What a provider or a customer wrote is text on every page that shows an order, whatever it looks like."""

from __future__ import annotations

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go

pytestmark = pytest.mark.browser

PAYLOAD = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>{{7*7}}"
MAKE = f"""
import types
from orders.models import Company, OrderItem, OrderItemModifier
from orders.tests.test_pages import make_order
bad = {PAYLOAD!r}
company = Company.objects.get(memberships__user__username="demo", slug="{{slug}}")
shop = types.SimpleNamespace(company=company, branch=company.branches.first())
order = make_order(shop, external_id=bad + "{{slug}}", display_id=bad[:64], customer_name=bad, customer_email=bad[:60],
    customer_phone=bad[:64], customer_phone_access_code=bad[:64], payment_method=bad[:64], notes=bad, attention_reasons=[bad],
    needs_attention=True, courier=dict(name=bad, phone=bad, status=bad),
    delivery_address=dict.fromkeys(("text", "street", "building", "floor", "apartment", "area", "city", "notes"), bad))
OrderItem.objects.filter(order=order).update(name=bad, name_ar=bad + "2", notes=bad, external_id=bad)
top = OrderItemModifier.objects.create(item=order.items.get(), position=0, name=bad, name_ar=bad + "2", external_id=bad)
OrderItemModifier.objects.create(item=order.items.get(), parent=top, position=1, name=bad, name_ar=bad + "2")
print(order.id)
"""


@pytest.fixture(scope="module")
def order(server, signed_in) -> str:
    slug = server.shell(
        "from orders.models import Company; print(Company.objects.order_by('created_at')[0].slug)"
    ).strip()
    return server.shell(MAKE.replace("{slug}", slug)).strip()


@pytest.mark.parametrize(
    "path", ["/", "/orders/", "/orders/grid/?columns=number,customer,payment,courier,attention", "/orders/{id}/"]
)
def test_a_payload_in_every_field_of_an_order_is_shown_as_text(server, open_page, order, path):
    page = open_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    go(page, server.url + path.format(id=order))
    page.get_by_text("<img src=x onerror=alert(1)>").first.wait_for(timeout=SOON_MS)
    assert page.locator("#main :is(img, svg, script:not([type='application/json']))").count() == 0
    assert dialogs == []
