"""Let accounts that sent before there were allowances go on as they did."""

from django.db import migrations

# The plan as it was when this was written.
STAGES = [150, 250, 400, 700, 1000, 1500, 2000]
while STAGES[-1] < 2_000_000_000 / 1.3:
    zeros = 10 ** (len(str(int(STAGES[-1] * 1.3))) - 2)
    STAGES.append(round(STAGES[-1] * 1.3 / zeros) * zeros)

# The best day of each account in the last month.
BEST = """
    SELECT account_id, max(accepted) FROM (
        SELECT account_id, sum(count) AS accepted FROM events_tally
         WHERE kind = 'accepted' AND tag = '' AND hour > now() - interval '30 days'
         GROUP BY account_id, (hour AT TIME ZONE 'UTC')::date) days
     GROUP BY account_id
"""


def keep_volume(apps, schema_editor):
    """Give each account the first stage that holds its best day, and that as its ceiling."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(BEST)
        for account_id, best in cursor.fetchall():
            stage = sum(amount < best for amount in STAGES[:-1])
            cursor.execute(
                "UPDATE accounts_account SET stage = %s, allowance = %s, ceiling = %s"
                " WHERE id = %s",
                [stage, STAGES[stage], max(STAGES[stage], 2000), account_id],
            )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_volume"),
        ("events", "0003_suppressions_are_listed"),
    ]

    operations = [migrations.RunPython(keep_volume, migrations.RunPython.noop)]
