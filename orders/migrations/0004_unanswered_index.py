"""Add the index of unanswered orders."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0003_audit_append_only'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('status', 'received')), fields=['accept_by'], name='order_accept_by'),
        ),
    ]
