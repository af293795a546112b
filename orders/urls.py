"""The pages."""

from __future__ import annotations

from django.urls import path

from orders import views

app_name = "orders"
urlpatterns = [
    path("", views.stream, name="stream"),
    path("orders/rows/", views.rows, name="rows"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("providers.css", views.providers_css, name="providers-css"),
]
