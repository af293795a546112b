"""The domain: companies and their people, branches, menus, customers, orders, and what was done to them."""

from orders.models.audit import AuditEntry
from orders.models.company import ApiToken, Branch, BranchStore, Company, CompanySequence, Membership, Role, User
from orders.models.customer import Customer
from orders.models.menu import MenuProduct, MenuProductCode
from orders.models.order import Order, OrderEvent, OrderItem, OrderItemModifier
from orders.models.sign_in import SignInTries

__all__ = [
    "ApiToken",
    "AuditEntry",
    "Branch",
    "BranchStore",
    "Company",
    "CompanySequence",
    "Customer",
    "Membership",
    "MenuProduct",
    "MenuProductCode",
    "Order",
    "OrderEvent",
    "OrderItem",
    "OrderItemModifier",
    "Role",
    "SignInTries",
    "User",
]
