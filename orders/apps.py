from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        # They listen to signals of signing in and out.
        from orders.security import sessions, sign_in  # noqa: F401
