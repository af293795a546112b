from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integration', '0014_index_of_a_deliverys_company'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='webhooklog',
            name='webhook_log_by_external_id',
        ),
        migrations.AddIndex(
            model_name='webhooklog',
            index=models.Index(fields=['company', 'external_id'], name='webhook_log_by_external_id', opclasses=['uuid_ops', 'varchar_pattern_ops']),
        ),
        migrations.AddIndex(
            model_name='webhooklog',
            index=models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['company', 'request_id'], name='webhook_log_by_request'),
        ),
        migrations.AddIndex(
            model_name='outboundpush',
            index=models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['company', 'request_id'], name='outbound_push_by_request'),
        ),
    ]
