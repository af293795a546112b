"""The API of orders, and the schema of the whole API. A middleware takes a trailing slash off."""

from __future__ import annotations

from django.urls import path

from orders.api.changes import OrderChangesView
from orders.api.orders import OrderListView, OrderStatusView, OrderTimelineView, OrderView

urlpatterns = [
    path("api/orders", OrderListView.as_view(), name="api-orders"),
    path("api/orders/changes", OrderChangesView.as_view(), name="api-orders-changes"),
    path("api/orders/<str:order_id>", OrderView.as_view(), name="api-order"),
    path("api/orders/<str:order_id>/status", OrderStatusView.as_view(), name="api-order-status"),
    path("api/orders/<str:order_id>/timeline", OrderTimelineView.as_view(), name="api-order-timeline"),
]
