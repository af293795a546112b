"""Months beside days, and a column for each bucket of a time in the place of a row.

Both are read where a year is asked for. Months are added up by the task; until then their days are read.
"""

import django.db.models.deletion
from django.db import migrations, models

KINDS = ('accepting', 'preparing', 'processing')
BUCKETS = 27


def move_times(apps, schema_editor):
    """Put what is kept of times into columns: most of those days cannot be counted again."""
    columns = ', '.join(f'bucket_{number:02}' for number in range(BUCKETS))
    sums = ', '.join(f"SUM(CASE WHEN key = '{number}' THEN count ELSE 0 END)" for number in range(BUCKETS))
    kinds = ', '.join(f"'{kind}'" for kind in KINDS)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO time_rollups (company_id, day, provider, branch_id, is_test, is_month, kind, {columns})'
            f' SELECT company_id, day, provider, branch_id, is_test, FALSE, kind, {sums} FROM count_rollups'
            f' WHERE kind IN ({kinds}) GROUP BY company_id, day, provider, branch_id, is_test, kind'
        )
        cursor.execute(f'DELETE FROM count_rollups WHERE kind IN ({kinds})')


def move_times_back(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for number in range(BUCKETS):
            cursor.execute(
                'INSERT INTO count_rollups'
                ' (company_id, day, provider, branch_id, is_test, kind, key, name, currency, count, amount, is_month)'
                f" SELECT company_id, day, provider, branch_id, is_test, kind, '{number}', '', '', bucket_{number:02}, 0, FALSE"
                f' FROM time_rollups WHERE bucket_{number:02} > 0 AND NOT is_month'
            )
        for table in ('order_rollups', 'count_rollups', 'time_rollups'):
            cursor.execute(f'DELETE FROM {table} WHERE is_month')


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0010_store_id'),
    ]

    operations = [
        migrations.CreateModel(
            name='TimeRollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('provider', models.CharField(max_length=32)),
                ('is_test', models.BooleanField(default=False)),
                ('is_month', models.BooleanField(db_default=False, default=False)),
                ('kind', models.CharField(max_length=16)),
                *((f'bucket_{number:02}', models.PositiveIntegerField(default=0)) for number in range(BUCKETS)),
                ('branch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='orders.branch')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.company')),
            ],
            options={
                'db_table': 'time_rollups',
                'indexes': [models.Index(fields=['company', 'kind', 'day'], name='time_rollup_kind')],
            },
        ),
        migrations.AddField(
            model_name='countrollup',
            name='is_month',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='orderrollup',
            name='is_month',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='rollupstate',
            name='summed_months',
            field=models.JSONField(default=list),
        ),
        migrations.RemoveIndex(
            model_name='orderrollup',
            name='order_rollup_whole_day',
        ),
        migrations.AddIndex(
            model_name='orderrollup',
            index=models.Index(condition=models.Q(('clock_hour', None)), fields=['company', 'day'], name='order_rollup_whole_day'),
        ),
        migrations.RunPython(move_times, move_times_back, elidable=True),
    ]
