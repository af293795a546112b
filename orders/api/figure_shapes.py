"""The shapes of the figures, for the OpenAPI schema alone."""

from __future__ import annotations

from rest_framework import serializers

from orders.api.shapes import Shape
from orders.charts import GROUPS, METRICS, PERIODS, UNITS
from orders.dashboard import OPEN
from providers.registry import ADAPTERS


class Amount(Shape):
    currency = serializers.CharField()
    amount = serializers.CharField(help_text="Major units, with the currency's own number of decimals.")


class Figures(Shape):
    orders = serializers.IntegerField()
    cancelled = serializers.IntegerField(help_text="Cancelled, rejected or failed.")
    cancellationRate = serializers.FloatField(allow_null=True, help_text="From 0 to 1; null without orders.")
    averageAcceptanceSeconds = serializers.FloatField(allow_null=True)
    revenue = Amount(many=True, help_text="Of the orders that were not lost; currencies are never added up.")


class PastFigures(Figures):
    businessDay = serializers.DateField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class ProviderFigures(Figures):
    provider = serializers.ChoiceField(list(ADAPTERS))
    name = serializers.CharField()


class OpenByStatus(Shape):
    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        return {status.value: serializers.IntegerField() for status in OPEN}


class OpenOrders(Shape):
    total = serializers.IntegerField()
    byStatus = OpenByStatus()


class Dashboard(Shape):
    companyId = serializers.UUIDField()
    timeZone = serializers.CharField()
    currency = serializers.CharField(help_text="The company's own.")
    businessDay = serializers.DateField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    today = Figures()
    lastWeek = PastFigures(help_text="The same day a week ago, up to the same time of day.")
    providers = ProviderFigures(many=True)
    openOrders = OpenOrders()
    needsAttention = serializers.IntegerField(help_text="Open orders with a reason for attention.")
    testOrders = serializers.IntegerField(help_text="Today's, which the figures leave out.")
    lastSeq = serializers.IntegerField()


class Point(Shape):
    key = serializers.CharField(
        allow_null=True, help_text="A time, a date, a month, a provider, a branch's id, a status; null for no branch."
    )
    label = serializers.CharField()  # type: ignore[assignment]
    since = serializers.DateTimeField(allow_null=True, help_text="When the point begins, in a group by time.")
    value = serializers.JSONField(
        help_text="A number; for revenue an amount as a string; null where nothing can be told."
    )


class Series(Shape):
    currency = serializers.CharField(allow_null=True, help_text="For revenue.")
    total = serializers.JSONField(help_text="The metric over the whole period.")
    points = Point(many=True)


class Chart(Shape):
    metric = serializers.ChoiceField(METRICS)
    groupBy = serializers.ChoiceField(GROUPS)
    period = serializers.ChoiceField(PERIODS)
    unit = serializers.ChoiceField(list(UNITS.values()))
    timeZone = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    series = Series(many=True)
