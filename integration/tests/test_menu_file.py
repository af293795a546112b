"""The menu as a file: out and in again, and what a hostile or broken file comes to."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile

from integration.tests.api import acts
from integration.tests.test_menu_pages import product, send
from integration.views.menu_file import SALT
from orders import menu_file
from orders.menu_file import join_ids, split_ids, write_menu
from orders.models import MenuProduct, MenuProductCode

HEAD = "name,nameAr,price,available,careem"


def upload(here, content: str | bytes, user=None):
    data = content if isinstance(content, bytes) else content.encode()
    client = here.client(user or here.manager)
    return client.post("/menu/file/", {"file": SimpleUploadedFile("menu.csv", data, "text/csv")})


def sealed(answer) -> str:
    found = re.search(r'name="checked" value="([^"]+)"', answer.content.decode())
    return found[1] if found else ""


def bring_in(here, content: str | bytes, user=None):
    """Check a file and write it; return the last answer."""
    checked = upload(here, content, user)
    assert checked.status_code == 200, checked.content.decode()
    return here.client(user or here.manager).post("/menu/file/import/", {"checked": sealed(checked)})


def stored(here) -> list:
    """Return the whole menu of a company."""
    products = MenuProduct.objects.filter(company=here.company).order_by("name")
    codes = MenuProductCode.objects.filter(company=here.company).order_by("provider", "external_id")
    fields = ("id", "name", "name_ar", "name_key", "name_ar_key", "price", "is_active")
    return [*products.values_list(*fields), *codes.values_list("product_id", "provider", "external_id")]


def refusal(answer) -> str:
    """Return why a file is refused as a whole."""
    assert answer.status_code == 400
    return re.search(r'id="file-fault">([^<]*)<', answer.content.decode())[1]


def faults(answer) -> list[str]:
    assert answer.status_code == 400
    return re.findall(r'<li class="fault" dir="auto">([^<]*)<', answer.content.decode())


# -- out and in --------------------------------------------------------------------------------------------------------


def test_the_menu_is_saved_as_csv(amman):
    answer = amman.client(amman.staff).get("/menu/export.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="menu-amman-grill-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"]
    )
    text = answer.content.decode("utf-8")
    assert text.startswith("\ufeffid,name,nameAr,price,available,careem,talabat,deliveroo,jahez\r\n")
    mansaf = product(amman)
    assert f"{mansaf.id},Lamb Mansaf,منسف لحم,9.75,true,MANSAF,MANSAF,MANSAF,MANSAF\r\n" in text
    assert len(text.splitlines()) == 1 + MenuProduct.objects.count()
    assert [entry[1] for entry in acts(amman)] == ["menu.exported"]


def test_a_saved_file_says_what_the_menu_has_already(amman):
    product(amman).codes.filter(provider="jahez").update(external_id="a|b\\c")
    MenuProductCode.objects.create(product=product(amman), provider="jahez", external_id="=1+1")
    MenuProduct.objects.create(
        company=amman.company, name="=cmd|' /C calc'!A0", name_ar="+ كبسة", price="0.0001", is_active=False
    )
    MenuProduct.objects.create(company=amman.company, name='\'Tis, "quoted"')
    before = stored(amman)
    text = amman.client().get("/menu/export.csv").content
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    checked = upload(amman, text)
    assert "The file says what the menu has already." in checked.content.decode()
    assert sealed(checked) == ""
    assert stored(amman) == before


def test_a_saved_file_makes_the_same_menu_again(amman, dubai):
    MenuProduct.objects.filter(company=dubai.company).delete()
    MenuProduct.objects.create(company=amman.company, name="=SUM(A1)", name_ar="'=x", price="1.5", is_active=False)
    MenuProductCode.objects.create(product=product(amman), provider="talabat", external_id="-7 | 8")
    text = write_menu(amman.company)
    without_ids = re.sub(r"(?m)^[0-9a-f-]{36},", ",", text)
    bring_in(dubai, without_ids)
    assert [row[1:] for row in stored(dubai)[:14]] == [row[1:] for row in stored(amman)[:14]]
    assert {row[1:] for row in stored(dubai)[14:]} == {row[1:] for row in stored(amman)[14:]}
    assert len(stored(dubai)) == len(stored(amman))


@pytest.mark.parametrize("ids", [[], ["A"], ["A", "B"], ["a|b", "c\\", "|"], ["=1", "'", "x y"]])
def test_ids_of_one_cell_come_back(ids):
    assert split_ids(join_ids(ids)) == ids


def test_a_file_is_looked_at_before_anything_is_written(amman):
    before = stored(amman)
    text = f"{HEAD}\nKabsa,كبسة,4.500,yes,K-1 | K-2\nLamb Mansaf,,10,,\nFrench Fries,,,,\n"
    html = upload(amman, text).content.decode()
    assert re.findall(r"<strong>(\d+)</strong> (\w+)", html) == [
        ("1", "new"),
        ("1", "changed"),
        ("1", "as"),
        ("0", "with"),
    ]
    assert re.findall(r"(\w+): <bdi>([^<]*)</bdi> <span[^>]*>→</span> <bdi>([^<]*)</bdi>", html) == [
        ("price", "9.75", "10")
    ]
    assert stored(amman) == before
    assert acts(amman) == []


def test_a_file_is_written_whole_and_mends_the_orders(amman):
    order = send(amman, id="K-2", name="")
    answer = bring_in(amman, f"{HEAD}\nKabsa,كبسة,4.500,no,K-1 | K-2\nLamb Mansaf,,10,,\n")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/menu/products/")
    kabsa = product(amman, "Kabsa")
    assert (kabsa.name_ar, str(kabsa.price), kabsa.is_active, kabsa.name_key, kabsa.name_ar_key) == (
        "كبسة", "4.5000", False, "kabsa", "كبسه",
    )  # fmt: skip
    assert set(kabsa.codes.values_list("provider", "external_id")) == {("careem", "K-1"), ("careem", "K-2")}
    assert str(product(amman).price) == "10.0000"
    order.refresh_from_db()
    assert (order.attention_reasons, order.items.get().name) == ([], "Kabsa")
    assert acts(amman) == [("amman-grill-manager", "menu.imported", "", {"new": 1, "changed": 1})]


def test_a_row_is_the_product_of_a_providers_id_in_it(amman):
    bring_in(amman, "name,careem\nMansaf Royal,MANSAF | M-2\n")
    renamed = product(amman, "Mansaf Royal")
    assert set(renamed.codes.filter(provider="careem").values_list("external_id", flat=True)) == {"MANSAF", "M-2"}
    assert not MenuProduct.objects.filter(name="Lamb Mansaf").exists()


def test_a_product_of_the_largest_menu_costs_no_query_of_its_own(amman, django_assert_max_num_queries):
    rows = "".join(f"Dish {number},طبق {number},1.5,true,D-{number}\n" for number in range(2_000))
    client = amman.client()
    token = sealed(client.post("/menu/file/", {"file": SimpleUploadedFile("m.csv", f"{HEAD}\n{rows}".encode())}))
    with django_assert_max_num_queries(50):
        assert client.post("/menu/file/import/", {"checked": token}).status_code == 303
    assert MenuProduct.objects.filter(name__startswith="Dish ").count() == 2_000


# -- files that cannot be used -----------------------------------------------------------------------------------------


def test_one_fault_writes_nothing(amman):
    before = stored(amman)
    text = f"{HEAD}\nKabsa,,4.5,,K-1\nTabbouleh,,free,,\n"
    answer = upload(amman, text)
    assert faults(answer) == ["price: expected a number such as 9.750"]
    assert sealed(answer) == ""
    kept = {"company": str(amman.company.id), "user": amman.manager.pk, "text": text}
    forced = amman.client(amman.manager).post(
        "/menu/file/import/", {"checked": signing.dumps(kept, salt=SALT, compress=True)}
    )
    assert faults(forced) == ["price: expected a number such as 9.750"]
    assert stored(amman) == before
    assert acts(amman) == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",,1,,", "name: a new product needs one"),
        ("Kabsa,,-1,,", "price: expected a number such as 9.750"),
        ("Kabsa,,١٫٥,,", "price: expected a number such as 9.750"),
        ('Kabsa,,"1,5",,', "price: expected a number such as 9.750"),
        ("Kabsa,,1e5,,", "price: expected a number such as 9.750"),
        ("Kabsa,,,perhaps,", "available: expected true or false"),
        (f"{'x' * 256},,,,", "name: longer than 255 characters"),
        ('"a\nb",,,,', "name: a line break or another control character"),
        (f"Kabsa,,,,{'x' * 256}", "careem: longer than 255 characters"),
        ("French Fries,,,,MANSAF | FRIES", "careem: the id FRIES is another product&#x27;s"),
        ("Kabsa,,,,,more", "the row has more cells than the heading"),
    ],
)
def test_a_wrong_row_says_what_is_wrong(amman, row, fault):
    before = stored(amman)
    assert faults(upload(amman, f"{HEAD}\n{row}\n")) == [fault]
    assert stored(amman) == before


def test_a_product_stands_in_a_file_once(amman):
    assert faults(upload(amman, "name\nKabsa\nKABSA\n")) == ["the same product as in line 2"]
    assert faults(upload(amman, "name,careem\nKabsa,K\nTabbouleh,K\n")) == [
        "careem: the id K is another product&#x27;s"
    ]


def test_a_name_that_two_products_have_needs_an_id(amman):
    twin = MenuProduct.objects.create(company=amman.company, name="Lamb Mansaf")
    assert faults(upload(amman, "name,price\nLamb Mansaf,1\n")) == [
        "name: several products are called this; give the id of one"
    ]
    bring_in(amman, f"id,price\n{twin.id},1\n")
    twin.refresh_from_db()
    assert twin.price == 1


def test_another_companys_product_does_not_exist(amman, dubai):
    before = stored(dubai)
    theirs = product(dubai)
    assert faults(upload(amman, f"id,name\n{theirs.id},Stolen\n")) == ["id: the menu has no product of this id"]
    assert faults(upload(amman, "id,name\nno-uuid,x\n")) == ["id: the menu has no product of this id"]
    bring_in(amman, "name,careem\nKabsa,K-1\n")
    assert stored(dubai) == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The first line needs a column “name” or “id”."),
        (b"name,price\n", "The file has no rows below its heading."),
        (b"dish,cost\nKabsa,1\n", "The first line has columns that are not known: dish, cost. Known are: "
         "id, name, nameAr, price, available, careem, talabat, deliveroo, jahez."),
        (b"name,name\na,b\n", "A column stands twice in the first line."),
        (b"price\n1\n", "The first line needs a column “name” or “id”."),
        (b"name\nKab\x00sa\n", "The file has NUL characters in it: it is no table."),
        ("name\nكبسة\n".encode("cp1256"), "The file is not in UTF-8. Save it anew as “CSV UTF-8” and choose it again."),
        (b"name\n" + b"x" * 10_000_000, "The file is larger than one megabyte. Bring the menu in several files."),
        (b'name\n"a"b\n', "Line 2 is no line of a table."),
        (b'name\n"' + b"x" * 200_000 + b'"\n', "Line 2 is no line of a table."),
        (b"PK\x03\x04\x00\x00\xff\xfe", "The file is not in UTF-8. Save it anew as “CSV UTF-8” and choose it again."),
        (b"\xff\xfe\x00\xd8", "The file is not in UTF-8. Save it anew as “CSV UTF-8” and choose it again."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_menu_is_refused_and_nothing_stored(amman, content, why):
    before = stored(amman)
    assert refusal(upload(amman, content)) == why
    assert stored(amman) == before


def test_a_file_with_too_many_rows_is_refused(amman, monkeypatch):
    monkeypatch.setattr(menu_file, "MAX_ROWS", 3)
    assert refusal(upload(amman, "name\na\nb\nc\nd\n")) == "The file has more than 3 rows. Bring it in parts."


def test_no_file_is_refused(amman):
    assert refusal(amman.client().post("/menu/file/")) == "Choose a file."


@pytest.mark.parametrize(
    "content",
    [
        "name,nameAr\nKabsa,كبسة\n".encode(),
        "name,nameAr\r\nKabsa,كبسة\r\n".encode("utf-8-sig"),
        "name;nameAr\r\nKabsa;كبسة\r\n".encode("utf-8-sig"),
        "name\tnameAr\r\nKabsa\tكبسة\r\n".encode("utf-16"),
        "\ufeffname,nameAr\nKabsa,كبسة\n".encode("utf-16-be"),
        "name,nameAr\n\n ,\nKabsa,كبسة".encode(),
    ],
)
def test_what_spreadsheets_write_is_read(amman, content):
    assert bring_in(amman, content).status_code == 303
    assert product(amman, "Kabsa").name_ar == "كبسة"


def test_formulas_are_text_here_and_leave_as_text(amman):
    bring_in(amman, 'name,careem\n"=HYPERLINK(""http://evil.example"")",@SUM(A1)\n\'+1 Sauce,\n')
    assert MenuProduct.objects.filter(name='=HYPERLINK("http://evil.example")').exists()
    assert MenuProduct.objects.filter(name="+1 Sauce").exists()
    rows = list(csv.reader(io.StringIO(write_menu(amman.company).removeprefix("\ufeff"))))
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]


# -- the check before --------------------------------------------------------------------------------------------------


def test_a_check_counts_for_who_made_it_there_alone(amman, dubai):
    token = sealed(upload(amman, "name\nKabsa\n"))
    for client, here in ((amman.client(), amman), (dubai.client(), dubai)):
        before = stored(here)
        answer = client.post("/menu/file/import/", {"checked": token})
        assert refusal(answer) == "The check is too old. Choose the file again."
        assert stored(here) == before
    for wrong in ("", "x", token[:-1] + ("A" if token[-1] != "A" else "B")):
        assert refusal(amman.client(amman.manager).post("/menu/file/import/", {"checked": wrong})) != ""


def test_what_changed_after_the_check_is_seen(amman):
    token = sealed(upload(amman, "name,careem\nKabsa,K-1\n"))
    MenuProductCode.objects.create(product=product(amman), provider="careem", external_id="K-1")
    client = amman.client(amman.manager)
    assert client.post("/menu/file/import/", {"checked": token}).status_code == 303
    # The id is a product's by now: the row is that product under another name, and nobody's id was taken.
    assert product(amman, "Kabsa").codes.filter(provider="careem").count() == 2
