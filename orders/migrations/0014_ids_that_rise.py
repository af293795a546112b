"""Ids rise with time from here on. The database knows nothing of it: it is the program that makes them."""

from django.db import migrations, models

from orders.ids import new_id

OF = ('customer', 'orderevent', 'orderitem', 'orderitemmodifier')


class Migration(migrations.Migration):
    dependencies = [("orders", "0013_search")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model, "id", models.UUIDField(default=new_id, editable=False, primary_key=True, serialize=False)
                )
                for model in OF
            ]
        )
    ]
