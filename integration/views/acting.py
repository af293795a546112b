"""What a page's form is answered: a redirect with a message, or JSON where our own script sent it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from orders.access import named_company
from orders.errors import failure, page_not_found
from orders.pages import FRAGMENT


def company_path(request: HttpRequest, name: str, *args: Any) -> str:
    """Return a page's path that stays in the company that the request names, if it names one."""
    named, path = named_company(request), reverse(name, args=args)
    return f"{path}?{urlencode({'company': named})}" if named else path


def acted(request: HttpRequest, page: str, *args: Any, message: str, ok: bool = True, code: str = "") -> HttpResponse:
    """Answer a form: back to where it stood (``next``), else to ``page``, with a message; our script gets it as JSON.

    ``code`` is the stable code of what did not work.
    """
    if FRAGMENT in request.headers:
        body = {"success": True, "message": message} if ok else failure(code, message)
        return JsonResponse(body, status=200 if ok else 409)
    messages.add_message(request, messages.SUCCESS if ok else messages.ERROR, message)
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = company_path(request, page, *args)
    response = HttpResponseRedirect(back)
    response.status_code = 303
    return response


def missing(request: HttpRequest) -> HttpResponse:
    """Answer what is not there, or belongs to another company: the two are told apart by nobody."""
    if FRAGMENT in request.headers:
        return JsonResponse(failure("not_found", "This does not exist."), status=404)
    return page_not_found(request)
