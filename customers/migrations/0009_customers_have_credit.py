from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0008_customers_have_a_contact'),
    ]

    operations = [
        migrations.AddField(
            model_name='customer',
            name='credit_limit',
            field=models.DecimalField(blank=True, decimal_places=4, help_text='In the currency of its terms. Empty: none was agreed.', max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name='customer',
            name='payment_terms',
            field=models.CharField(choices=[('prepaid', 'Prepaid'), ('net_14', 'Net 14 days'), ('net_30', 'Net 30 days'), ('net_60', 'Net 60 days')], db_default='prepaid', default='prepaid', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('credit_limit__gte', 0), ('credit_limit', None), _connector='OR'), name='credit_limit_not_negative', violation_error_message='A credit limit is zero or more.'),
        ),
    ]
