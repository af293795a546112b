"""The API of orders, and the schema of the whole API. A middleware takes a trailing slash off."""

from __future__ import annotations

from django.urls import path

from orders.api.acknowledge import OrderAcknowledgeView
from orders.api.changes import OrderChangesView
from orders.api.docs import DocsView, SchemaView
from orders.api.export import OrderExportView
from orders.api.figures import AnalyticsView, DashboardView
from orders.api.grid import OrderGridView
from orders.api.orders import OrderListView, OrderStatusView, OrderView
from orders.api.reasons import OrderReasonsView
from orders.api.settle import OrderSettleView

urlpatterns = [
    path("api/orders", OrderListView.as_view(), name="api-orders"),
    path("api/orders/changes", OrderChangesView.as_view(), name="api-orders-changes"),
    path("api/orders/export.csv", OrderExportView.as_view(), name="api-orders-export"),
    path("api/orders/grid", OrderGridView.as_view(), name="api-orders-grid"),
    path("api/orders/<str:order_id>", OrderView.as_view(), name="api-order"),
    path("api/orders/<str:order_id>/acknowledge", OrderAcknowledgeView.as_view(), name="api-order-acknowledge"),
    path("api/orders/<str:order_id>/reasons", OrderReasonsView.as_view(), name="api-order-reasons"),
    path("api/orders/<str:order_id>/settle", OrderSettleView.as_view(), name="api-order-settle"),
    path("api/orders/<str:order_id>/status", OrderStatusView.as_view(), name="api-order-status"),
    path("api/dashboard", DashboardView.as_view(), name="api-dashboard"),
    path("api/analytics", AnalyticsView.as_view(), name="api-analytics"),
    path("api/schema", SchemaView.as_view(), name="api-schema"),
    path("api/docs", DocsView.as_view(), name="api-docs"),
]
