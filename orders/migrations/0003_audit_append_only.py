"""Keep the audit trail append-only in the database too, whoever writes there.

Postgres refuses to change or delete an entry; SQLite refuses to change one. Let through are what follows a deletion: of a
person (their entries keep the name, not the account), and of a whole company (named by the deleting transaction).
SQLite loses triggers when Django makes a table anew: a later migration that alters this table has to make this one again.
"""

from django.db import migrations

POSTGRES = """
CREATE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.user_id IS NULL AND (to_jsonb(NEW) - 'user_id') = (to_jsonb(OLD) - 'user_id') THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.company_id::text = ANY (
        string_to_array(coalesce(current_setting('audit.erased_companies', true), ''), ',')
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'Audit entries are append-only.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_append_only();
"""
SQLITE = """
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE ON audit_entries
WHEN NOT (
    NEW.user_id IS NULL AND NEW.id IS OLD.id AND NEW.company_id IS OLD.company_id AND NEW.actor IS OLD.actor
    AND NEW.action IS OLD.action AND NEW.target IS OLD.target AND NEW.details IS OLD.details
    AND NEW.address IS OLD.address AND NEW.created_at IS OLD.created_at
)
BEGIN SELECT RAISE(ABORT, 'Audit entries are append-only.'); END
"""


def protect(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == 'postgresql':
            cursor.execute(POSTGRES)
        elif schema_editor.connection.vendor == 'sqlite':
            cursor.execute(SQLITE)


def unprotect(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == 'postgresql':
            cursor.execute('DROP TRIGGER audit_entries_append_only ON audit_entries')
            cursor.execute('DROP FUNCTION audit_entries_append_only()')
        elif schema_editor.connection.vendor == 'sqlite':
            cursor.execute('DROP TRIGGER audit_entries_append_only')


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0002_sign_in_tries'),
    ]

    operations = [
        migrations.RunPython(protect, unprotect),
    ]
