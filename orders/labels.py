"""The names of models and their fields in the language of the page: the admin shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


def translate_labels(app: AppConfig) -> None:
    """Let the names of an app's models and fields follow the language. Set here and not where they are made: no migration."""
    for model in app.get_models():
        meta = model._meta
        meta.verbose_name = _lazy(meta.verbose_name)
        meta.verbose_name_plural = _lazy(meta.verbose_name_plural)
        for field in (*meta.local_fields, *meta.local_many_to_many):
            field.verbose_name = _lazy(field.verbose_name)


def _lazy(label: Any) -> Any:
    # What Django has named is lazy already.
    return label if isinstance(label, Promise) else gettext_lazy(str(label))


def labels_of_admin() -> Iterator[str]:
    """Yield the names that the admin shows of our models, in English: what there is to translate."""
    for registered, model_admin in admin.site._registry.items():
        for model in (registered, *(inline.model for inline in model_admin.inlines)):
            if model.__module__.startswith(("orders.", "integration.")):
                yield from _labels(model)


def _labels(model: type[Model]) -> Iterator[str]:
    meta = model._meta
    yield from (str(meta.verbose_name), str(meta.verbose_name_plural))
    yield from (str(field.verbose_name) for field in (*meta.local_fields, *meta.local_many_to_many))
