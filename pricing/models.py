"""Price rules: versions of who pays what for which goods, and when."""

from django.db import models
from django.db.models import Q

from catalog_mirror.models import money
from customers.models import Rule


class PriceRule(Rule):
    class Kind(models.TextChoices):
        PERCENT = "percent"
        FIXED = "fixed"

    kind = models.CharField(max_length=7, choices=Kind.choices)
    percent = models.DecimalField(
        max_digits=7, decimal_places=4, null=True, blank=True, help_text="Off the list price."
    )
    amount = money(null=True, blank=True, help_text="The unit price.")
    currency = models.CharField(max_length=3)
    priority = models.SmallIntegerField(default=0)
    name = models.CharField(max_length=100, blank=True)

    class Meta(Rule.Meta):
        constraints = [
            *Rule.Meta.constraints,
            models.CheckConstraint(
                name="price_rule_says_one_price",
                condition=Q(kind="percent", percent__isnull=False, amount=None)
                | Q(kind="fixed", amount__isnull=False, percent=None),
            ),
            models.CheckConstraint(
                name="price_rule_within_bounds",
                # The kind is named because a null on either side would let anything pass.
                condition=Q(kind="percent", percent__range=(0, 100))
                | Q(kind="fixed", amount__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.subject_kind} {self.subject_id}"
