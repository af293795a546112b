from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationConfig(AppConfig):
    name = "integration"
    verbose_name = _("Integration")

    def ready(self) -> None:
        from integration import checks, receivers, tracing  # noqa: F401
        from orders.labels import translate_labels

        translate_labels(self)
