"""The played providers' paths: those of the real APIs, below ``/sandbox/{provider}/``."""

from __future__ import annotations

from django.urls import path

from integration.sandbox.views import careem, deliveroo, jahez, owner, talabat

app_name = "sandbox"

urlpatterns = [
    path("<slug:provider>/orders", owner.OrdersView.as_view(), name="orders"),
    path("<slug:provider>/calls", owner.CallsView.as_view(), name="calls"),
    path("careem/token", careem.CareemTokenView.as_view()),
    path("careem/pos/api/v1/orders", careem.CareemOrdersView.as_view()),
    path("careem/pos/api/v1/orders/<str:external_id>", careem.CareemOrderView.as_view()),
    path("careem/pos/api/v1/orders/<str:external_id>/delay-request", careem.CareemDelayView.as_view()),
    path("talabat/v2/login", talabat.TalabatTokenView.as_view()),
    path("talabat/v2/chains/<str:chain>/orders/ids", talabat.TalabatReportView.as_view()),
    path("talabat/v2/chains/<str:chain>/orders/<str:external_id>", talabat.TalabatOrderView.as_view()),
    path("talabat/v2/order/status/<str:token>", talabat.TalabatStatusView.as_view()),
    path("talabat/v2/orders/<str:token>/preparation-completed", talabat.TalabatPreparedView.as_view()),
    path("talabat/v2/orders/<str:token>/adjust-preparation-time", talabat.TalabatAdjustView.as_view()),
    path("deliveroo/oauth2/token", deliveroo.DeliverooTokenView.as_view()),
    path("deliveroo/order/v1/orders/<str:external_id>", deliveroo.DeliverooOrderView.as_view()),
    path("deliveroo/order/v1/orders/<str:external_id>/sync_status", deliveroo.DeliverooSyncView.as_view()),
    path("deliveroo/order/v1/orders/<str:external_id>/prep_stage", deliveroo.DeliverooStageView.as_view()),
    path("jahez/token", jahez.JahezTokenView.as_view()),
    path("jahez/webhooks/status_update", jahez.JahezStatusView.as_view()),
    path("jahez/webhooks/jahez_create_endpoint", jahez.JahezRegisterView.as_view()),
    path("jahez/webhooks/order_update_endpoint", jahez.JahezRegisterView.as_view()),
]
