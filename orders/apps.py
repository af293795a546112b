from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        # They listen to signals.
        from orders.labels import translate_labels
        from orders.rollup import keeping  # noqa: F401
        from orders.security import sessions, sign_in  # noqa: F401

        translate_labels(self)
