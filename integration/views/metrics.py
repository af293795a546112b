"""``/metrics``, for Prometheus: what the processes have counted, and what the database tells now."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from integration.gauges import Database
from orders.errors import failure
from orders.metrics import everything

DATABASE = CollectorRegistry()
DATABASE.register(Database())


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever holds ``METRICS_TOKEN`` or sits in one of ``METRICS_ALLOWED_NETWORKS``.

    Anybody else: 401 where a token would help, 404 where none is set.
    """
    if not (_is_near(request) or _has_token(request)):
        if not settings.METRICS_TOKEN:
            return JsonResponse(failure("not_found", "There is nothing at this path."), status=404)
        body = failure("not_authenticated", "Send the metrics token, as Authorization: Bearer.")
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(generate_latest(everything()) + generate_latest(DATABASE), content_type=CONTENT_TYPE_LATEST)


def _is_near(request: HttpRequest) -> bool:
    try:
        address = ipaddress.ip_address(request.META["REMOTE_ADDR"])
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(each, strict=False) for each in settings.METRICS_ALLOWED_NETWORKS)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_bearer = bool(settings.METRICS_TOKEN) and scheme.lower() == "bearer"
    return is_bearer and constant_time_compare(given.strip(), settings.METRICS_TOKEN)
