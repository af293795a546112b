"""What the shapes of the management API are made of. They document; what comes in is read field by field."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers as s

Shape = s.Serializer[Any]


def query_parameter(name: str, description: str, **kwargs: Any) -> OpenApiParameter:
    return OpenApiParameter(name, location=OpenApiParameter.QUERY, description=description, **kwargs)


def text(help_text: str = "", **kwargs: Any) -> s.CharField:
    return s.CharField(help_text=help_text, **kwargs)


def maybe(help_text: str = "") -> s.CharField:
    return s.CharField(allow_null=True, help_text=help_text)


def maybe_time() -> s.DateTimeField:
    return s.DateTimeField(allow_null=True)


def answer_shape(name: str, data: s.Field[Any, Any, Any, Any]) -> type[Shape]:
    """Return the shape ``{"success": true, "data": …}``."""
    return type(name, (s.Serializer,), {"success": s.BooleanField(), "data": data, "__doc__": "A successful answer."})


def page_shape(name: str, row: type[Shape]) -> type[Shape]:
    """Return the shape of a page of a list."""
    fields = {"results": row(many=True), "next": s.URLField(allow_null=True), "__doc__": "A page, newest first."}
    return type(name, (s.Serializer,), fields)
