"""The pages."""

from __future__ import annotations

from django.urls import path

from orders import board, grid, order_page, views

app_name = "orders"
urlpatterns = [
    path("", views.stream, name="stream"),
    path("orders/", board.board, name="board"),
    path("orders/cards/", board.cards, name="cards"),
    path("orders/grid/", grid.grid, name="grid"),
    path("dashboard/revenue/", views.revenue, name="revenue"),
    path("orders/rows/", views.rows, name="rows"),
    path("orders/<uuid:order_id>/", order_page.order, name="order"),
    path("orders/<uuid:order_id>/ticket/", order_page.ticket, name="ticket"),
    path("providers.css", views.providers_css, name="providers-css"),
]
