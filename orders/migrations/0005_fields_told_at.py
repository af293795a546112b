"""Add when each of an order's fields was told."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0004_unanswered_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='fields_told_at',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
