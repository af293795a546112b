from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationConfig(AppConfig):
    name = "integration"
    verbose_name = _("Integration")

    def ready(self) -> None:
        from integration import checks, receivers  # noqa: F401
        from integration.alerts import standing_frames
        from orders.feeds import watch_also
        from orders.labels import translate_labels

        watch_also(standing_frames)

        translate_labels(self)
