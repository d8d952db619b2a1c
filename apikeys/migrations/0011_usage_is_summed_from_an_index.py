from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0010_the_sandbox_has_no_keys")]
    operations = [
        migrations.AddIndex(
            model_name="usagehour",
            index=models.Index(
                fields=["key_public_id", "hour"],
                include=["requests", "status"],
                name="usage_of_key_summed",
            ),
        ),
        migrations.RemoveIndex(model_name="usagehour", name="usage_of_key"),
    ]
