"""Store contents as they are: compressing 10 KB costs more than writing it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE mail_content ALTER COLUMN data SET STORAGE EXTERNAL",
            "ALTER TABLE mail_content ALTER COLUMN data SET STORAGE EXTENDED",
        ),
        # Every recipient row is rewritten twice in its life: leave room for it on its page, and
        # clear the index that claims read soon.
        migrations.RunSQL(
            "ALTER TABLE mail_recipient SET (fillfactor = 70, "
            "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000)",
            "ALTER TABLE mail_recipient RESET (fillfactor, "
            "autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",
        ),
    ]
