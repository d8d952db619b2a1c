
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog_mirror', '0004_delta_candidates'),
        ('customers', '0003_row_policies'),
        ('pricing', '0002_versions_and_policies'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='pricerule',
            name='price_rule_within_bounds',
        ),
        migrations.AddConstraint(
            model_name='pricerule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'percent'), ('percent__range', (0, 100))), models.Q(('amount__gte', 0), ('kind', 'fixed')), _connector='OR'), name='price_rule_within_bounds'),
        ),
    ]
