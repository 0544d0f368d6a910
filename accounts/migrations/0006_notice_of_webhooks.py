from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_people"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ladder", "Ladder"),
                    ("pause", "Pause"),
                    ("staff", "Staff"),
                    ("usage", "Usage"),
                    ("webhook", "Webhook"),
                ],
                max_length=7,
            ),
        ),
    ]
