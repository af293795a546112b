"""One shape for every failure: a stable code for machines, a sentence for people."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from rest_framework import exceptions, status
from rest_framework.response import Response

from orders.preferences import looks

logger = logging.getLogger(__name__)


def failure(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of every failed answer."""
    return {"success": False, "error": code, "message": message, "details": details or {}}


class ApiError(exceptions.APIException):
    """A failure with a code of our own; raise it anywhere below an API view."""

    def __init__(self, http_status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, code)
        self.status_code, self.code, self.message, self.details = http_status, code, message, details or {}


def not_found(what: str = "This") -> ApiError:
    """Return the answer for what is not there, or belongs to another company: the two are told apart by nobody."""
    return ApiError(status.HTTP_404_NOT_FOUND, "not_found", f"{what} does not exist.")


_CODES: dict[type[Exception], tuple[str, str]] = {
    exceptions.NotAuthenticated: ("not_authenticated", "Sign in, or send a token."),
    exceptions.AuthenticationFailed: ("invalid_token", "The token is not valid."),
    exceptions.PermissionDenied: ("permission_denied", "Your role does not allow this."),
    exceptions.NotFound: ("not_found", "This does not exist."),
    exceptions.ParseError: ("invalid_json", "The body is not valid JSON."),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", "Send JSON, as application/json."),
    exceptions.NotAcceptable: ("not_acceptable", "This answers in JSON."),
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an API view's exception in the contract's shape."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, ApiError):
        return Response(failure(error.code, error.message, error.details), error.status_code)
    if isinstance(error, exceptions.ValidationError):
        details = error.detail if isinstance(error.detail, dict) else {"body": error.detail}
        return Response(failure("invalid_request", "Some fields are not valid.", _flat(details)), error.status_code)
    if isinstance(error, exceptions.Throttled):
        wait_s = max(1, round(getattr(error, "wait", None) or 1))
        body = failure("rate_limited", f"Too many calls; try again in {wait_s} s.")
        return Response(body, error.status_code, headers={"Retry-After": str(wait_s)})
    if isinstance(error, exceptions.MethodNotAllowed):
        allow = ", ".join(context["view"].allowed_methods)
        body = failure("method_not_allowed", f"This path takes {allow}.")
        return Response(body, error.status_code, headers={"Allow": allow})
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database did not answer: %s", type(error).__name__)
        return Response(failure("unavailable", "Try again in a moment."), 503, headers={"Retry-After": "5"})
    for kind, (code, message) in _CODES.items():
        if isinstance(error, kind):
            headers = {"WWW-Authenticate": "Token"} if error.status_code == 401 else {}  # type: ignore[attr-defined]
            return Response(failure(code, message), error.status_code, headers=headers)  # type: ignore[attr-defined]
    return None


def _flat(details: Any) -> dict[str, str]:
    return {
        str(key): "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        for key, value in details.items()
    }


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/livez", "/readyz", "/metrics"))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_api(request):
        return JsonResponse(failure("not_found", "There is nothing at this path."), status=404)
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_api(request):
        return JsonResponse(failure("bad_request", "The request could not be read."), status=400)
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_api(request):
        return JsonResponse(failure("permission_denied", "Your role does not allow this."), status=403)
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what nobody foresaw, without a traceback and without touching the database."""
    if is_api(request):
        return JsonResponse(failure("internal_error", "Something failed here; it is in our log."), status=500)
    # Rendered without a request: the context processors ask the database, which may be what failed.
    context = {"signatures_checked": settings.WEBHOOK_VALIDATE_SIGNATURE, **looks(request)}
    page = loader.get_template("500.html").render(context)
    return HttpResponse(page, status=500)
