from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integration', '0012_availability'),
        ('orders', '0011_rollups_of_months'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='deliveryrollup',
            name='delivery_rollup_whole_day',
        ),
        migrations.AddField(
            model_name='deliveryrollup',
            name='is_month',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name='deliveryrollup',
            index=models.Index(condition=models.Q(('clock_hour', None)), fields=['company', 'day'], name='delivery_rollup_whole_day'),
        ),
    ]
