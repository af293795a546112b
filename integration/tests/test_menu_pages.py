"""``/menu/``: what is not on the menu, one click to say what it is, and the products."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integration.tests.api import acts
from integration.tests.factories import Installation
from orders import menu
from orders.models import Branch, BranchStore, Membership, MenuProduct, MenuProductCode, Order, OrderEvent, OrderItem
from orders.rematch import rematch
from orders.timeline import last_seq

FRAGMENT = {"X-Fragment": "1"}


def send(here: Installation, external_id: str = "A-1", provider: str = "careem", **item):
    """Send an order of one line that the menu does not know, or of ``items``; return it."""
    lines = item.pop("items", None) or [
        {"id": "NEW-7", "name": "Lamb Mansf", "quantity": 2, "unit_price": "9.75", **item}
    ]
    total = sum(float(line.get("unit_price", 0)) * line.get("quantity", 1) for line in lines)
    order = {
        "id": external_id,
        "items": lines,
        "total_amount": f"{total:.3f}",
        "customer": {"name": "Lina", "phone": "0790123456"},
    }
    answer = here.send_payload(provider, {"event_type": "order.created", "order": order})
    assert answer.json()["status"] == "processed", answer.content
    return Order.objects.get(pk=answer.json()["orderId"])


def product(here: Installation, name: str = "Lamb Mansaf") -> MenuProduct:
    return MenuProduct.objects.get(company=here.company, name=name)


def click(here: Installation, chosen: MenuProduct, external_id: str = "NEW-7", *, user=None, provider="careem", **more):
    data = {"provider": provider, "externalId": external_id, "product": str(chosen.id)}
    client = more.pop("client", None) or here.client(user or here.manager)
    return client.post("/menu/map/", data, **more)


def page(client: Client, path: str = "/menu/", status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.content
    return response.content.decode()


def items(html: str) -> list[str]:
    return re.findall(r'data-item="([^"]*)"', html)


def suggested(html: str) -> list[tuple[str, str]]:
    """Return the names and the reasons of what is suggested."""
    found = re.findall(r'class="choice"><bdi>([^<]*)</bdi>.*?class="why">([^<]*)<', html)
    return [(name, why) for name, why in found]


# -- the work list -----------------------------------------------------------------------------------------------------


def test_what_came_unmapped_stands_by_how_often_it_came(amman):
    send(amman, "A-1")
    send(amman, "A-2")
    last = send(amman, "A-3", id="NEW-8", name="Something Else")
    html = page(amman.client())
    assert items(html) == ["NEW-7", "NEW-8"]
    assert re.findall(r"<strong>(\d+ times?)</strong>", html) == ["2 times", "1 time"]
    assert f'href="/orders/{last.id}/"' in html
    assert '<span class="count">2</span>' in html


def test_what_the_menu_knows_is_not_on_the_list(amman):
    amman.send("careem")
    assert items(page(amman.client())) == []
    assert "The menu knows everything that came." in page(amman.client())


def test_ids_with_the_branch_behind_them_are_one_item_where_the_provider_does_that(amman):
    abdoun = Branch.objects.create(company=amman.company, name="Abdoun")
    BranchStore.objects.create(branch=abdoun, provider="jahez", store_id="77")
    for number, store in enumerate(("amman-grill-jahez-main", "77", "")):
        line = {"product_id": f"X-1-{store}" if store else "X-1", "quantity": 1, "final_price": "5"}
        order = {"jahez_id": number + 1, "branch_id": store, "final_price": "5", "products": [line]}
        assert amman.send_payload("jahez", order, dialect="native").json()["status"] == "processed"
    assert items(page(amman.client())) == ["X-1"]
    click(amman, product(amman), "X-1", provider="jahez")
    assert MenuProductCode.objects.filter(external_id="X-1", provider="jahez").count() == 1
    assert not Order.objects.filter(needs_attention=True).exclude(attention_reasons=["unknown_branch"]).exists()


def test_an_id_that_only_looks_like_one_with_a_branch_stays_whole(amman):
    BranchStore.objects.create(branch=amman.branch, provider="careem", store_id="3")
    send(amman, id="12-3")
    assert items(page(amman.client())) == ["12-3"]


def test_an_item_without_an_id_is_known_by_its_name(amman):
    send(amman, id="", name="Kabsa")
    html = page(amman.client())
    assert "The provider sends no id for it." in html
    assert "externalId=&" not in html
    added = amman.client(amman.manager).post(
        "/menu/products/new/?provider=careem&itemName=Kabsa", {"name": "kabsa", "is_active": "on"}
    )
    assert added.status_code == 303
    assert Order.objects.get().attention_reasons == []
    assert OrderItem.objects.get().menu_product.name == "kabsa"


def test_an_option_with_an_id_alone_is_on_the_list_and_gets_its_name(amman):
    line = {
        "id": "MANSAF",
        "name": "Lamb Mansaf",
        "quantity": 1,
        "unit_price": "9.75",
        "modifiers": [{"id": "OPT-9", "quantity": 1}],
    }
    order = send(amman, items=[line])
    assert order.attention_reasons == ["unmapped_item"]
    html = page(amman.client())
    assert items(html) == ["OPT-9"]
    assert "Option" in html
    click(amman, product(amman, "Extra Cheese"), "OPT-9")
    order.refresh_from_db()
    option = order.items.get().modifiers.get()
    assert (option.name, option.name_ar, order.attention_reasons) == ("Extra Cheese", "جبنة إضافية", [])
    code = MenuProductCode.objects.get(external_id="OPT-9")
    amman.client().post(f"/menu/ids/{code.id}/remove/")
    order.refresh_from_db()
    option.refresh_from_db()
    assert (option.name, option.name_ar, order.attention_reasons) == ("", "", ["unmapped_item"])


def test_the_share_of_mapped_lines_is_told_for_each_provider(amman):
    amman.send("careem")
    known = OrderItem.objects.count()
    send(amman)
    Order.objects.filter(external_id="A-1").update(created_at=timezone.now() - timedelta(days=29))
    html = page(amman.client())
    assert f"{known} of {known + 1}" in html
    assert html.count("no orders") == 3
    Order.objects.filter(external_id="A-1").update(created_at=timezone.now() - timedelta(days=31))
    assert f'<strong>100 %</strong><meter min="0" max="{known}" value="{known}"' in page(amman.client())


def test_who_is_limited_to_a_branch_sees_the_items_of_its_orders(amman):
    other = Branch.objects.create(company=amman.company, name="Abdoun")
    send(amman)
    member = Membership.objects.get(user=amman.manager)
    member.is_limited = True
    member.save()
    member.branches.set([other])
    assert items(page(amman.client(amman.manager))) == []


# -- suggestions -------------------------------------------------------------------------------------------------------


def test_the_same_name_comes_first_then_the_same_id_elsewhere_then_close_names(amman):
    exact = MenuProduct.objects.create(company=amman.company, name="Lamb  MANSF")
    send(amman)
    MenuProductCode.objects.create(product=product(amman, "French Fries"), provider="talabat", external_id="NEW-7")
    # The exact name had come before the product: matching would find it now, and a click writes the id besides.
    OrderItem.objects.update(menu_product=None)
    Order.objects.update(needs_attention=True, attention_reasons=["unmapped_item"])
    found = suggested(page(amman.client(amman.manager)))
    assert found[:2] == [(exact.name, "same name"), ("French Fries", "same id elsewhere")]
    assert found[2] == ("Lamb Mansaf", "name 95 % alike")


def test_an_arabic_name_is_suggested_however_it_is_written(amman):
    send(amman, name="مَنسف  لحمة")
    assert suggested(page(amman.client(amman.manager)))[0][0] == "Lamb Mansaf"


def test_matching_itself_never_goes_by_similarity(amman):
    order = send(amman)
    assert order.items.get().menu_product is None
    assert rematch(amman.company, "careem", [order.id], user=None) == 0


def test_nothing_is_suggested_where_nothing_is_like_it(amman):
    send(amman, name="Zzzz Qqqq")
    assert "Nothing on the menu looks like it." in page(amman.client(amman.manager))


# -- mapping -----------------------------------------------------------------------------------------------------------


def test_one_click_maps_and_mends_open_and_past_orders(amman):
    order, past = send(amman, "A-1"), send(amman, "A-2")
    Order.objects.filter(pk=past.pk).update(status="delivered")
    before, client = last_seq(amman.company.id), amman.client(amman.manager)
    answer = click(amman, product(amman), client=client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/menu/")
    for each in (order, past):
        each.refresh_from_db()
        assert (each.attention_reasons, each.needs_attention) == ([], False)
        line = each.items.get()
        assert (line.menu_product, line.name, line.name_ar) == (product(amman), "Lamb Mansf", "منسف لحم")
    assert {order.seq, past.seq} == {before + 1, before + 2}
    entry = OrderEvent.objects.get(order=order, seq=order.seq)
    assert (entry.type, entry.source, entry.user, entry.changes) == (
        "order.updated", "person", amman.manager, {"menu_product": [None, "Lamb Mansaf"]},
    )  # fmt: skip
    code = MenuProductCode.objects.get(external_id="NEW-7")
    assert (code.provider, code.product, code.mapped_by) == ("careem", product(amman), amman.manager)
    assert acts(amman) == [
        (
            "amman-grill-manager",
            "menu.mapped",
            "careem NEW-7",
            {"product": str(product(amman).id), "name": "Lamb Mansaf"},
        )
    ]
    html = page(client)
    assert items(html) == []
    assert "It is “Lamb Mansaf” now. 2 orders were matched anew." in html
    assert send(amman, "A-3").attention_reasons == []


def test_a_name_that_the_provider_did_not_send_is_the_menus(amman):
    order = send(amman, name="")
    click(amman, product(amman))
    line = order.items.get()
    assert (line.name, line.name_ar, line.has_menu_name, line.has_menu_name_ar) == (
        "Lamb Mansaf",
        "منسف لحم",
        True,
        True,
    )


def test_an_order_with_another_unknown_line_keeps_waiting(amman):
    lines = [{"id": each, "name": each, "quantity": 1, "unit_price": "1"} for each in ("NEW-7", "NEW-8")]
    order = send(amman, items=lines)
    click(amman, product(amman))
    order.refresh_from_db()
    assert (order.attention_reasons, order.needs_attention) == (["unmapped_item"], True)
    assert [line.menu_product for line in order.items.order_by("position")] == [product(amman), None]
    assert order.seq == last_seq(amman.company.id)


def test_other_reasons_stay(amman):
    order = send(amman)
    Order.objects.update(attention_reasons=["amount_mismatch", "unmapped_item"])
    click(amman, product(amman))
    order.refresh_from_db()
    assert (order.attention_reasons, order.needs_attention) == (["amount_mismatch"], True)


def test_mapping_twice_is_one_act(amman):
    send(amman)
    for _ in range(2):
        answer = click(amman, product(amman), headers=FRAGMENT)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert [entry[1] for entry in acts(amman)] == ["menu.mapped"]
    assert MenuProductCode.objects.filter(external_id="NEW-7").count() == 1
    assert last_seq(amman.company.id) == 2


def test_an_id_that_is_another_products_is_refused(amman):
    order = send(amman)
    answer = click(amman, product(amman, "French Fries"), "MANSAF", headers=FRAGMENT)
    assert (answer.status_code, answer.json()) == (409, {
        "success": False, "error": "already_mapped", "details": {},
        "message": "Nothing was changed: this id is “Lamb Mansaf” already.",
    })  # fmt: skip
    order.refresh_from_db()
    assert order.attention_reasons == ["unmapped_item"]
    assert acts(amman) == []


def test_what_the_menu_learned_elsewhere_is_mended_with_one_click(amman):
    order = send(amman)
    MenuProductCode.objects.create(product=product(amman), provider="careem", external_id="NEW-7")
    assert suggested(page(amman.client(amman.manager))) == [
        ("Lamb Mansaf", "the menu knows it by now: mend the orders")
    ]
    click(amman, product(amman))
    order.refresh_from_db()
    assert order.attention_reasons == []


def test_a_click_mends_so_many_orders_and_the_next_the_others(amman, monkeypatch):
    monkeypatch.setattr(menu, "MOST_ORDERS", 3)
    monkeypatch.setattr(menu, "BATCH", 2)
    orders = [send(amman, f"A-{number}") for number in range(5)]
    Order.objects.filter(pk__in=[order.pk for order in orders[2:]]).update(status="delivered")
    client = amman.client(amman.manager)
    click(amman, product(amman), client=client)
    waiting = Order.objects.filter(needs_attention=True).order_by("created_at")
    # The open ones first, then the newest.
    assert [order.external_id for order in waiting] == ["A-2", "A-3"]
    html = page(client)
    assert "3 orders were matched anew. More of them wait: press once more." in html
    click(amman, product(amman))
    assert not waiting.all().exists()


# -- undoing -----------------------------------------------------------------------------------------------------------


def test_a_wrong_click_is_undone(amman):
    order = send(amman, name="")
    click(amman, product(amman, "French Fries"))
    code = MenuProductCode.objects.get(external_id="NEW-7")
    client = amman.client(amman.manager)
    assert f'action="/menu/ids/{code.id}/remove/"' in page(client)
    assert client.post(f"/menu/ids/{code.id}/remove/", {"next": "/menu/"}).headers["Location"] == "/menu/"
    order.refresh_from_db()
    line = order.items.get()
    assert (line.menu_product, line.name, line.name_ar, line.has_menu_name) == (None, "", "", False)
    assert (order.attention_reasons, order.needs_attention) == (["unmapped_item"], True)
    assert order.seq == last_seq(amman.company.id) == 3
    assert OrderEvent.objects.get(seq=3).changes == {"menu_product": ["French Fries", None]}
    assert [entry[1:3] for entry in acts(amman)] == [("menu.mapped", "careem NEW-7"), ("menu.unmapped", "careem NEW-7")]
    html = page(client)
    assert items(html) == ["NEW-7"]
    assert "Mapped lately" not in html


def test_a_line_that_its_name_matches_stays_the_products(amman):
    order = send(amman, name="Lamb Mansaf")
    click(amman, product(amman))
    code = MenuProductCode.objects.get(external_id="NEW-7")
    amman.client().post(f"/menu/ids/{code.id}/remove/")
    order.refresh_from_db()
    assert order.items.get().menu_product == product(amman)
    assert (order.attention_reasons, order.seq) == ([], 1)


def test_taking_away_what_is_gone_already_is_404(amman):
    code = MenuProductCode.objects.filter(company=amman.company).first()
    client = amman.client()
    assert client.post(f"/menu/ids/{code.id}/remove/").status_code == 303
    assert client.post(f"/menu/ids/{code.id}/remove/").status_code == 404


# -- products ----------------------------------------------------------------------------------------------------------


def test_a_new_product_is_made_from_what_came(amman):
    order = send(amman, name="Kabsa")
    client = amman.client(amman.manager)
    path = "/menu/products/new/?provider=careem&externalId=NEW-7&itemName=Kabsa&price=9.7500"
    html = page(client, path)
    assert 'value="Kabsa"' in html
    assert 'value="9.75"' in html
    assert (
        client.post(path, {"name": "Kabsa", "name_ar": "كبسة", "price": "9.75", "is_active": "on"}).headers["Location"]
        == "/menu/"
    )
    made = product(amman, "Kabsa")
    order.refresh_from_db()
    assert (order.attention_reasons, order.items.get().menu_product) == ([], made)
    assert MenuProductCode.objects.get(product=made).external_id == "NEW-7"
    assert [entry[1] for entry in acts(amman)] == ["menu.product_added", "menu.mapped"]


def test_a_new_product_with_an_id_that_is_taken_is_not_made(amman):
    before = MenuProduct.objects.count()
    answer = amman.client().post("/menu/products/new/?provider=careem&externalId=MANSAF&itemName=x", {"name": "Kabsa"})
    assert answer.status_code == 400
    assert "This id is “Lamb Mansaf” already." in answer.content.decode()
    assert MenuProduct.objects.count() == before
    assert acts(amman) == []


def test_a_product_is_changed_and_its_new_name_mends_orders(amman):
    order = send(amman, name="Kabsa")
    fries = product(amman, "French Fries")
    client = amman.client(amman.manager)
    client.post(f"/menu/products/{fries.id}/change/", {"name": "Kabsa", "name_ar": "كبسة", "price": "1.5"})
    fries.refresh_from_db()
    assert (fries.name, fries.name_key, fries.name_ar, fries.is_active) == ("Kabsa", "kabsa", "كبسة", False)
    order.refresh_from_db()
    assert order.attention_reasons == []
    assert acts(amman) == [("amman-grill-manager", "menu.product_changed", str(fries.id), {"name": "Kabsa", "changes": {
        "name": ["French Fries", "Kabsa"], "name_ar": ["بطاطا مقلية", "كبسة"], "is_active": [True, False],
    }})]  # fmt: skip


@pytest.mark.parametrize(("price", "shown"), [("9.7500", "9.75"), ("10.0000", "10"), ("0.0000", "0"), (None, "")])
def test_a_price_is_shown_as_one_types_it(amman, price, shown):
    MenuProduct.objects.filter(name="French Fries").update(price=price)
    html = page(amman.client(), f"/menu/products/{product(amman, 'French Fries').id}/")
    assert re.search(r'name="price" type="text" value="([^"]*)"', html)[1] == shown


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"price": "-1"}, {"price": "abc"}, {"name": "x" * 256}, {"name": "a\x00b"}]
)
def test_a_wrong_product_is_refused_and_nothing_stored(amman, change):
    fries = product(amman, "French Fries")
    before = MenuProduct.objects.values().get(pk=fries.pk)
    path = f"/menu/products/{fries.id}/change/"
    assert amman.client().post(path, {"name": "Fries", "price": "1"} | change).status_code == 400
    assert MenuProduct.objects.values().get(pk=fries.pk) == before
    assert acts(amman) == []


def test_an_id_is_added_by_hand(amman):
    order = send(amman)
    fries = product(amman, "French Fries")
    client = amman.client(amman.manager)
    client.post(f"/menu/products/{fries.id}/ids/", {"provider": "careem", "externalId": " NEW-7 "})
    order.refresh_from_db()
    assert order.attention_reasons == []
    for wrong in ("", "x" * 256, "a\x00b"):
        answer = client.post(
            f"/menu/products/{fries.id}/ids/", {"provider": "careem", "externalId": wrong}, headers=FRAGMENT
        )
        assert (answer.status_code, answer.json()["error"]) == (409, "invalid_request")


def test_a_product_that_nothing_refers_to_is_deleted(amman):
    made = MenuProduct.objects.create(company=amman.company, name="Kabsa")
    client = amman.client(amman.manager)
    assert client.post(f"/menu/products/{made.id}/delete/").headers["Location"] == "/menu/products/"
    assert not MenuProduct.objects.filter(pk=made.pk).exists()
    assert [entry[1] for entry in acts(amman)] == ["menu.product_deleted"]


def test_a_product_in_use_is_not_deleted(amman):
    send(amman, name="Kabsa", id="")
    made = MenuProduct.objects.create(company=amman.company, name="Kabsa")
    rematch(amman.company, "careem", [Order.objects.get().id], user=None)
    client = amman.client(amman.manager)
    for each in (made, product(amman)):
        answer = client.post(f"/menu/products/{each.id}/delete/", headers=FRAGMENT)
        assert (answer.status_code, answer.json()["error"]) == (409, "product_in_use")
        assert MenuProduct.objects.filter(pk=each.pk).exists()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=mansaf", ["Lamb Mansaf"]),
        ("search=%D9%85%D9%86%D8%B3%D9%81", ["Lamb Mansaf"]),
        ("search=OPT-LARGE", ["Large"]),
        ("search=nothing+like+it", []),
        ("search=%00", None),
        ("available=no", ["Large"]),
        ("missing=jahez", ["Lamb Mansaf"]),
        ("missing=nobody", None),
        ("page=999", None),
    ],
)
def test_products_are_searched(amman, query, names):
    MenuProduct.objects.filter(name="Large").update(is_active=False)
    MenuProductCode.objects.filter(product__name="Lamb Mansaf", provider="jahez").delete()
    html = page(amman.client(), f"/menu/products/?{query}")
    found = re.findall(r'<tr id="product-[^"]*">\s*<th scope="row"><a href="[^"]*"><bdi>([^<]*)</bdi>', html)
    assert found == (sorted(product.name for product in MenuProduct.objects.all()) if names is None else names)


def test_another_product_is_chosen_from_the_list(amman):
    send(amman)
    html = page(
        amman.client(amman.manager), "/menu/products/?provider=careem&externalId=NEW-7&itemName=Lamb+Mansf&search=fries"
    )
    assert html.count("It is this one") == 1
    assert 'name="externalId" value="NEW-7"' in html
    assert "It is this one" not in page(amman.client(amman.staff), "/menu/products/?provider=careem&externalId=NEW-7")


# -- large menus -------------------------------------------------------------------------------------------------------


def grow(here: Installation, until: int) -> None:
    begin = MenuProduct.objects.filter(name__startswith="Dish").count()
    rows = [
        MenuProduct(company=here.company, name=f"Dish {number:05}", name_ar=f"طبق {number}")
        for number in range(begin, until)
    ]
    for row in rows:
        row.set_keys()
    MenuProduct.objects.bulk_create(rows)
    MenuProductCode.objects.bulk_create(
        MenuProductCode(company=here.company, product=row, provider="careem", external_id=f"D-{row.name}")
        for row in rows
    )


def test_the_pages_cost_the_same_for_a_large_menu(amman, django_assert_num_queries):
    client = amman.client()
    for number in range(2):
        send(amman, f"A-{number}", id=f"NEW-{number}", name=f"Dish {number}")
    for products, unmapped in ((60, 2), (5_000, 30)):
        grow(amman, products)
        for number in range(2, unmapped):
            send(amman, f"A-{number}", id=f"NEW-{number}", name=f"Dish {number}")
        with django_assert_num_queries(13):
            client.get("/menu/")
        with django_assert_num_queries(9):
            html = client.get("/menu/products/?search=dish").content.decode()
    assert html.count('<tr id="product-') == 50
    assert len(items(page(client))) == 20
    assert len(items(page(client, "/menu/?page=2"))) == 10


# -- roles and companies -----------------------------------------------------------------------------------------------

WRITES = ["/menu/map/", "/menu/ids/{code}/remove/", "/menu/products/{product}/change/", "/menu/products/{product}/ids/",
          "/menu/products/{product}/delete/", "/menu/products/new/", "/menu/file/", "/menu/file/import/"]  # fmt: skip


def test_staff_read_and_only_managers_write(amman):
    send(amman)
    code, chosen = MenuProductCode.objects.first(), product(amman)
    client = amman.client(amman.staff)
    for path in ("/menu/", "/menu/products/", f"/menu/products/{chosen.id}/"):
        assert '<form method="post" action="/menu/' not in page(client, path)
    before = (list(MenuProduct.objects.values()), list(MenuProductCode.objects.values()))
    data = {"provider": "careem", "externalId": "NEW-7", "product": str(chosen.id), "name": "x"}
    for path in WRITES:
        path = path.format(code=code.id, product=chosen.id)
        assert client.post(path, data).status_code == 403, path
        assert client.post(path, data, headers=FRAGMENT).json()["error"] == "permission_denied"
    assert before == (list(MenuProduct.objects.values()), list(MenuProductCode.objects.values()))
    assert acts(amman) == []


def test_another_companys_menu_does_not_exist(amman, dubai):
    send(dubai, "D-1")
    mine, theirs = product(amman), product(dubai)
    code = MenuProductCode.objects.filter(company=dubai.company).first()
    client = amman.client()
    before = (list(MenuProduct.objects.values()), list(MenuProductCode.objects.values()))
    data = {"provider": "careem", "externalId": "NEW-7", "product": str(theirs.id), "name": "x"}
    assert client.post("/menu/map/", data).status_code == 404
    for path in WRITES[1:5]:
        path = path.format(code=code.id, product=theirs.id)
        assert client.post(path, data).status_code == 404, path
        assert client.post(f"{path}?company={dubai.company.id}", data).status_code == 404, path
    assert client.get(f"/menu/products/{theirs.id}/").status_code == 404
    assert client.get(f"/menu/?company={dubai.company.id}").status_code == 404
    assert before == (list(MenuProduct.objects.values()), list(MenuProductCode.objects.values()))
    assert items(page(client)) == []
    click(amman, mine)
    assert Order.objects.get(company=dubai.company).attention_reasons == ["unmapped_item"]
    assert acts(dubai) == []


@pytest.mark.parametrize(
    "data",
    [
        {"product": "no-uuid"},
        {"product": str(uuid.uuid4())},
        {"provider": "nobody"},
        {"externalId": "a\x00"},
        {"externalId": "x" * 256},
    ],
)
def test_mapping_what_is_not_there_is_404(amman, data):
    good = {"provider": "careem", "externalId": "NEW-7", "product": str(product(amman).id)}
    assert amman.client().post("/menu/map/", good | data).status_code == 404
    assert not MenuProductCode.objects.filter(external_id="NEW-7").exists()


def test_what_a_provider_sends_is_escaped(amman):
    send(amman, id='"><script>alert(1)</script>', name="<b>x")
    for path in ("/menu/", "/menu/products/?provider=careem&externalId=%22%3E%3Cscript%3E&itemName=%3Cb%3E"):
        html = page(amman.client(), path)
        assert "<script>alert" not in html
        assert "<b>" not in html


def test_the_menu_is_in_the_navigation(amman):
    assert 'href="/menu/"' in page(amman.client(amman.staff), "/")
