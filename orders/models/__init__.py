"""The domain: companies and their people, branches, menus, customers, orders, and what was done to them."""

from orders.models.analytics import CountRollup, OrderRollup, PendingDay, RollupState, TimeRollup
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
    "CountRollup",
    "Customer",
    "Membership",
    "MenuProduct",
    "MenuProductCode",
    "Order",
    "OrderEvent",
    "OrderItem",
    "OrderItemModifier",
    "OrderRollup",
    "PendingDay",
    "Role",
    "RollupState",
    "SignInTries",
    "TimeRollup",
    "User",
]
