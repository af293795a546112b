"""An index for the search by parts: of a number, a name, a phone. On Postgres with pg_trgm; elsewhere a month's orders are read.

Where the extension is missing and may not be made, the search works without: docs/operations.md tells how to add it later.
"""

import logging

from django.db import DatabaseError, migrations, transaction

# The conditions of orders.filters.matches, as Django writes them. Without the pending list, whose emptying an order would wait for.
INDEX = """
CREATE INDEX IF NOT EXISTS order_search ON orders USING gin (
    upper(display_id::text) gin_trgm_ops, external_id gin_trgm_ops,
    upper(customer_name::text) gin_trgm_ops, customer_phone gin_trgm_ops
) WITH (fastupdate = off)
"""


def make_index(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute('CREATE EXTENSION IF NOT EXISTS pg_trgm')
            cursor.execute(INDEX)
    except DatabaseError as error:
        logging.getLogger(__name__).warning('The search has no index: %s', error)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        with schema_editor.connection.cursor() as cursor:
            cursor.execute('DROP INDEX IF EXISTS order_search')


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0012_indexes_of_an_orders_way'),
    ]

    operations = [
        migrations.RunPython(make_index, drop_index),
    ]
