"""Four groups. What each may do is written here as it was when they were made."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from portal.staff import GROUPS, permissions_of

ROOMS = ("groundwork", "catalog_mirror", "customers", "pricing", "apikeys", "sync", "outbound_hooks", "auth")


def make(apps, schema_editor):
    # Django makes permissions after all migrations; these need them now.
    for room in ROOMS:
        create_permissions(installed.get_app_config(room), verbosity=0)
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    known = {
        (app, codename): pk
        for pk, app, codename in Permission.objects.values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    for name in GROUPS:
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([known[pair] for pair in sorted(permissions_of(name))])


class Migration(migrations.Migration):
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("customers", "0010_applications"),
    ]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
