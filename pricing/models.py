"""Rules of buying: versions of who pays what for which goods, in which quantities, and when."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Mod
from django.db.models.lookups import Exact

from catalog_mirror.models import money
from customers.models import SUBJECTS, Rule

# What makes two open rules the same rule: then neither could be said to win.
_WHO_WHAT_WHEN = ("customer", "tier", *SUBJECTS, "starts_at", "ends_at")
_EQUAL = (
    "A rule of this kind for the same goods, people and time is there already. Change that one."
)


def _in_steps(quantity: str) -> Exact:
    return Exact(Mod(F(quantity), Greatest(F("step"), 1)), 0)


class PriceRule(Rule):
    """A percentage off, a price, or an exemption from wider discounts.

    `percent` or `amount` holds from `minimum_quantity` on; `breaks` are the steps above it, as
    `pricing.ladders` makes them. The database refuses a ladder that rises.
    """

    class Kind(models.TextChoices):
        PERCENT = "percent", "percent off the list price"
        FIXED = "fixed", "fixed price"
        CONTRACT = "contract", "contract price of one customer"
        EXEMPT = "exempt", "exempt from discounts"

    class CountedPer(models.TextChoices):
        VARIANT = "variant", "each variant by itself"
        PRODUCT = "product", "all variants of a product together"
        CATEGORY = "category", "all of the rule's category together"

    class ExemptFrom(models.TextChoices):
        CATEGORY = "category", "discounts on categories"
        GENERAL = "general", "discounts on brands, sources and everything"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    percent = models.DecimalField(
        max_digits=7, decimal_places=4, null=True, blank=True, help_text="Off the list price."
    )
    amount = money(null=True, blank=True, help_text="The unit price.")
    currency = models.CharField(max_length=3, blank=True, help_text="Empty for an exemption.")
    priority = models.SmallIntegerField(default=0)
    name = models.CharField(max_length=100, blank=True)
    minimum_quantity = models.PositiveIntegerField(default=1)
    breaks = models.JSONField(default=list, blank=True)
    counted_per = models.CharField(
        max_length=8, choices=CountedPer.choices, default=CountedPer.VARIANT
    )
    exempt_from = models.CharField(max_length=8, choices=ExemptFrom.choices, blank=True)

    class Meta(Rule.Meta):
        constraints = [
            *Rule.Meta.constraints,
            models.CheckConstraint(
                name="price_rule_says_one_price",
                condition=Q(kind="percent", percent__isnull=False, amount=None, exempt_from="")
                | Q(
                    kind__in=("fixed", "contract"),
                    amount__isnull=False,
                    percent=None,
                    exempt_from="",
                )
                | Q(kind="exempt", percent=None, amount=None, breaks=[], minimum_quantity=1)
                & ~Q(exempt_from=""),
                violation_error_message="Give a percentage, a price, or what is exempt: one of them.",
            ),
            models.CheckConstraint(
                name="price_rule_has_a_currency",
                condition=Q(kind="exempt", currency="")
                | ~Q(kind="exempt") & Q(currency__regex="^[A-Z]{3}$"),
                violation_error_message="A price needs a currency of three letters, an exemption none.",
            ),
            models.CheckConstraint(
                name="price_rule_within_bounds",
                # The kind is named because a null on either side would let anything pass.
                condition=Q(kind="percent", percent__range=(0, 100))
                | Q(kind__in=("fixed", "contract"), amount__gte=0)
                | Q(kind="exempt"),
                violation_error_message="A percentage lies between 0 and 100; a price is not negative.",
            ),
            models.CheckConstraint(
                name="price_rule_starts_at_one_piece_or_more", condition=Q(minimum_quantity__gte=1)
            ),
            models.CheckConstraint(
                name="contract_price_is_one_customers",
                condition=~Q(kind="contract") | Q(customer__isnull=False),
                violation_error_message="A contract price names the customer it was promised to.",
            ),
            models.CheckConstraint(
                name="price_rule_counts_its_own_category",
                condition=~Q(counted_per="category") | Q(category__isnull=False),
                violation_error_message="To count a category together, the rule names that category.",
            ),
            models.UniqueConstraint(
                fields=[
                    *_WHO_WHAT_WHEN,
                    "kind",
                    "currency",
                    "priority",
                    "minimum_quantity",
                    "exempt_from",
                ],
                condition=Q(until_revision=None),
                nulls_distinct=False,
                name="no_two_equal_price_rules",
                violation_error_message=_EQUAL,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.subject_text}"

    @property
    def in_words(self) -> str:
        """What it gives, as in "7.5 % off, 10 % off from 50"."""
        value = self.percent if self.kind == self.Kind.PERCENT else self.amount
        if value is None:
            return f"exempt from {self.exempt_from} discounts"
        unit = "% off" if self.kind == self.Kind.PERCENT else self.currency
        first = f" from {self.minimum_quantity}" if self.minimum_quantity > 1 else ""
        above = (f"{each['value']} {unit} from {each['minimum_quantity']}" for each in self.breaks)
        steps = ", ".join([f"{value.normalize():f} {unit}{first}", *above])
        return f"contract price {steps}" if self.kind == self.Kind.CONTRACT else steps


class OrderRule(Rule):
    """In which quantities goods are sold: from a minimum, in steps, up to a maximum."""

    minimum_quantity = models.PositiveIntegerField(default=1)
    step = models.PositiveIntegerField(default=1)
    maximum_quantity = models.PositiveIntegerField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)

    class Meta(Rule.Meta):
        constraints = [
            *Rule.Meta.constraints,
            models.CheckConstraint(
                name="order_rule_counts_pieces", condition=Q(minimum_quantity__gte=1, step__gte=1)
            ),
            models.CheckConstraint(
                name="order_rule_leaves_a_quantity",
                condition=Q(maximum_quantity=None) | Q(maximum_quantity__gte=F("minimum_quantity")),
                violation_error_message="The maximum is not below the minimum.",
            ),
            models.CheckConstraint(
                name="order_rule_begins_and_ends_on_a_step",
                condition=Q(_in_steps("minimum_quantity"))
                & (Q(maximum_quantity=None) | Q(_in_steps("maximum_quantity"))),
                violation_error_message="The minimum and the maximum are multiples of the step.",
            ),
            models.UniqueConstraint(
                fields=[*_WHO_WHAT_WHEN, "priority"],
                condition=Q(until_revision=None),
                nulls_distinct=False,
                name="no_two_equal_order_rules",
                violation_error_message=_EQUAL,
            ),
        ]

    def __str__(self) -> str:
        return f"from {self.minimum_quantity} in {self.step} on {self.subject_text}"


class OrderMinimum(Rule):
    """What an order comes to at least: in value, in pieces, or both. It names no goods."""

    class Needs(models.TextChoices):
        ANY = "any", "one of the two"
        ALL = "all", "both"

    minimum_value = money(null=True, blank=True, help_text="Before tax and freight.")
    currency = models.CharField(max_length=3, blank=True)
    minimum_quantity = models.PositiveIntegerField(null=True, blank=True, help_text="In pieces.")
    needs = models.CharField(max_length=3, choices=Needs.choices, default=Needs.ALL)
    priority = models.SmallIntegerField(default=0)

    class Meta(Rule.Meta):
        constraints = [
            *Rule.Meta.constraints,
            models.CheckConstraint(
                name="order_minimum_names_no_goods",
                condition=Q(**dict.fromkeys(SUBJECTS)),
                violation_error_message="An order minimum is of the whole order: name no goods.",
            ),
            models.CheckConstraint(
                name="order_minimum_asks_for_something",
                # Whether a value is there is named, because a null would let anything pass.
                condition=Q(minimum_value__isnull=False, minimum_value__gt=0)
                | Q(minimum_value=None, minimum_quantity__isnull=False, minimum_quantity__gt=0),
                violation_error_message="Give a value above zero, a quantity above zero, or both.",
            ),
            models.CheckConstraint(
                name="order_minimum_value_has_a_currency",
                condition=Q(minimum_value=None, currency="")
                | Q(minimum_value__isnull=False, currency__regex="^[A-Z]{3}$"),
                violation_error_message="A value needs a currency of three letters.",
            ),
            models.UniqueConstraint(
                fields=[*_WHO_WHAT_WHEN, "currency", "priority"],
                condition=Q(until_revision=None),
                nulls_distinct=False,
                name="no_two_equal_order_minimums",
                violation_error_message=_EQUAL,
            ),
        ]

    def __str__(self) -> str:
        return f"at least {self.minimum_value or ''} {self.currency} {self.minimum_quantity or ''}"
