"""The API's schema, and a page to read it and try it; both open to all."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.schema import extend_schema


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the OpenAPI schema. It takes a second to make and never changes while the process lives."""
    from drf_spectacular.generators import SchemaGenerator

    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class OpenView(APIView):
    """Open to all; a failure is JSON here too, not YAML or a page."""

    authentication_classes = ()
    http_method_names = ["get", "head"]

    def handle_exception(self, exc: Exception) -> Response:
        response: Response = super().handle_exception(exc)
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = "application/json"
        return response


class SchemaView(OpenView):
    """The OpenAPI schema, as YAML or, where JSON is asked for, as JSON."""

    permission_classes = ()
    renderer_classes = (OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        ending = self.perform_content_negotiation(request, force=True)[0].format
        return Response(schema(), headers={"Content-Disposition": f'inline; filename="openapi.{ending}"'})


# The page's script writes style attributes and draws its icons from data; everything comes from here.
@method_decorator(csp_replace({"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}), name="dispatch")
class DocsView(OpenView):
    """The schema as a page. Its script is a request of its own: the page needs no inline script."""

    permission_classes = ()
    renderer_classes = (TemplateHTMLRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        # With the first page: see orders/schema.py.
        from drf_spectacular.views import SpectacularSwaggerSplitView

        page: Response = SpectacularSwaggerSplitView(url_name="api-schema").get(request)  # type: ignore[no-untyped-call]
        return page
