from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_tally_of_trouble"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="webhook",
            name="notice",
        ),
        migrations.RemoveField(
            model_name="webhook",
            name="notice_due_at",
        ),
    ]
