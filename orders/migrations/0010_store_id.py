"""Keep the store id that no branch has, where the order says so."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0009_analytics'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='store_id',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=255),
        ),
    ]
