"""Add why an order rings. What is there already does not ring: somebody has seen it, or it is past."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_fields_told_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='rings',
            field=models.CharField(blank=True, choices=[('new', 'New'), ('cancelled', 'Cancelled after it was accepted')], default='', editable=False, max_length=10),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('rings', ''), _negated=True), fields=['company', '-created_at'], name='order_rings'),
        ),
    ]
