"""Add what mapping an item on a page needs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0006_rings'),
    ]

    operations = [
        migrations.AddField(
            model_name='menuproductcode',
            name='mapped_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='menuproductcode',
            name='mapped_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='orderitem',
            name='has_menu_name',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='orderitem',
            name='has_menu_name_ar',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='orderitemmodifier',
            name='has_menu_name',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='orderitemmodifier',
            name='has_menu_name_ar',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name='orderitem',
            index=models.Index(condition=models.Q(('menu_product', None)), fields=['external_id'], name='order_item_unmapped'),
        ),
        migrations.AddIndex(
            model_name='orderitemmodifier',
            index=models.Index(condition=models.Q(models.Q(('name', ''), ('name_ar', '')), ('has_menu_name', True), _connector='OR'), fields=['external_id'], name='order_option_by_menu'),
        ),
    ]
