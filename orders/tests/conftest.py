import pytest

from orders.models import Branch, BranchStore, Company, MenuProduct, MenuProductCode, User


@pytest.fixture
def company(db) -> Company:
    company = Company.objects.create(name="Amman Grill", slug="amman-grill")
    branch = Branch.objects.create(company=company, name="Main", is_default=True)
    BranchStore.objects.create(branch=branch, provider="careem", store_id="main-1")
    return company


@pytest.fixture
def other_company(db) -> Company:
    company = Company.objects.create(name="Dubai Diner", slug="dubai-diner", country="AE", currency="AED")
    branch = Branch.objects.create(company=company, name="Marina", is_default=True)
    BranchStore.objects.create(branch=branch, provider="careem", store_id="marina-1")
    return company


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("cook")


@pytest.fixture
def mansaf(company) -> MenuProduct:
    product = MenuProduct.objects.create(company=company, name="Lamb Mansaf", name_ar="منسف لحم", price="9.750")
    MenuProductCode.objects.create(product=product, provider="careem", external_id="MANSAF")
    return product
