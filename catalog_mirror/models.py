"""The tables of the mirror; `mirror.apply` is what writes them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


def money(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a column for an amount: 12 digits before the point, 4 after."""
    return models.DecimalField(max_digits=16, decimal_places=4, **options)


class Epoch(models.Model):
    """A life of the database: a restored backup starts a new one. The newest leads every version."""

    number = models.PositiveIntegerField(primary_key=True)
    started_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.number)


class Revision(models.Model):
    """One committed change of the mirror or of a rule; whoever sees N sees all of 1..N."""

    number = models.BigIntegerField(primary_key=True)
    nonce = models.UUIDField()
    recorded_at = models.DateTimeField()
    origin = models.CharField(max_length=60)
    correlation_id = models.CharField(max_length=64)
    touches_rules = models.BooleanField(default=False)

    class Meta:
        indexes = [
            # Every request: the last revision that touched a rule.
            models.Index(
                fields=["number"], name="revision_of_rules", condition=Q(touches_rules=True)
            ),
            # A bootstrap by instant: the last revision recorded before it.
            models.Index(fields=["recorded_at", "number"], name="revision_recorded"),
            # What a cause led to: a trace.
            models.Index(fields=["correlation_id"], name="revision_of_cause"),
        ]

    def __str__(self) -> str:
        return str(self.number)


# The source that no shop stands behind: the sandbox's, made by code. No sequence gives its id out, so a
# comparison with a constant tells it from every real one; its rank is behind all, so that whatever SKU
# a shop carries, the shop keeps it.
SANDBOX_SOURCE, SANDBOX_SLUG, SANDBOX_RANK = -1, "sandbox", 32_767


# As Postgres reads them. Lists bring several columns as one text, between which control characters stand.
CURRENCY, PRINTABLE = "^[A-Z]{3}$", "^[^[:cntrl:]]*$"


class Source(models.Model):
    """A shop that is mirrored. The slug is part of the contract and never changes."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=60, default="UTC")
    prices_include_tax = models.BooleanField(default=False)
    rank = models.PositiveSmallIntegerField(
        default=100, help_text="Of two shops that carry one SKU, the lower rank keeps it."
    )
    sku_prefix = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(currency__regex=CURRENCY),
                name="source_has_a_currency",
                violation_error_message="A currency is three capital letters, such as USD.",
            ),
            models.CheckConstraint(
                condition=models.Q(sku_prefix__regex=PRINTABLE),
                name="source_prefix_is_printable",
                violation_error_message="A prefix of SKUs holds no control character.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfSource(models.Model):
    """Something a shop names by an id of its own."""

    source = models.ForeignKey(Source, models.PROTECT)
    external_id = models.CharField(max_length=100)

    class Meta:
        abstract = True


class Brand(OfSource):
    slug = models.CharField(max_length=200)
    name = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="brand_once")]
        indexes = [models.Index(fields=["slug"], name="brand_by_slug")]  # the filter `brand=`

    def __str__(self) -> str:
        return self.name


class Category(OfSource):
    """A node of a shop's tree. `ancestor_ids` runs from the root to the node itself."""

    parent = models.ForeignKey("self", models.PROTECT, null=True)
    slug = models.CharField(max_length=200)
    name = models.CharField(max_length=300)
    ancestor_ids = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="category_once")
        ]
        indexes = [models.Index(fields=["slug"], name="category_by_slug")]  # the filter `category=`

    def __str__(self) -> str:
        return self.name


class Product(OfSource):
    """A style: what its variants have in common."""

    code = models.CharField(max_length=200)
    name = models.CharField(max_length=1000)
    url = models.CharField(max_length=2000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="product_once")
        ]
        indexes = [models.Index(fields=["code"], name="product_by_code")]  # the filter `product=`

    def __str__(self) -> str:
        return self.code


class GateColumns(models.Model):
    """What decides whether a variant is seen, and at what price; kept in history."""

    sku = models.CharField(max_length=120)
    is_published = models.BooleanField()
    source = models.ForeignKey(Source, models.PROTECT, db_index=False)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True, db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, db_index=False)
    # The categories with all their ancestors, ascending, and beside each its depth (root 0).
    category_ids = ArrayField(models.BigIntegerField(), default=list)
    category_depths = ArrayField(models.SmallIntegerField(), default=list)
    list_price = money(null=True)
    currency = models.CharField(max_length=3)
    tax_included = models.BooleanField()

    class Meta:
        abstract = True


class Variant(GateColumns):
    """The sellable unit. A retired one stays, unpublished, and gives up its SKU.

    The constraint `sku_once_among_live`, which Django cannot express, is in the first migrations.
    """

    external_id = models.CharField(max_length=100)
    sale_price = money(null=True)
    stock_on_hand = models.IntegerField(null=True)
    stock_available = models.IntegerField(null=True)
    stock_status = models.CharField(max_length=20)
    retired_at = models.DateTimeField(null=True)
    created_revision = models.BigIntegerField()
    content_revision = models.BigIntegerField()
    stock_revision = models.BigIntegerField()
    # Moves with content, and with every row of history.
    touched_revision = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="variant_once"),
            models.CheckConstraint(
                name="retired_is_unpublished", condition=Q(retired_at=None) | Q(is_published=False)
            ),
            models.CheckConstraint(name="list_price_not_negative", condition=Q(list_price__gte=0)),
        ]
        indexes = [
            # The delta's arms: what moved, and what lies under a rule's subject.
            models.Index(fields=["touched_revision", "id"], name="variant_touched"),
            models.Index(fields=["stock_revision", "id"], name="variant_stock_moved"),
            models.Index(fields=["source", "id"], name="variant_of_source"),
            models.Index(fields=["brand", "id"], name="variant_of_brand"),
            models.Index(fields=["product", "id"], name="variant_of_product"),
            GinIndex(fields=["category_ids"], name="variant_of_category", fastupdate=False),
            # Reviving a re-imported SKU: the retired variant that carried it.
            models.Index(fields=["source", "sku"], name="variant_by_sku"),
            models.Index(fields=["sku"], name="variant_sku"),
        ]

    def __str__(self) -> str:
        return self.sku


class VariantDocument(models.Model):
    """The partner's JSON of a variant without price and stock, spliced into answers as it is."""

    variant = models.OneToOneField(Variant, models.PROTECT, primary_key=True)
    body = models.TextField()

    def __str__(self) -> str:
        return f"document of variant {self.variant_id}"


class VariantHistory(GateColumns):
    """What was true of a variant until a revision."""

    variant = models.ForeignKey(Variant, models.PROTECT, db_index=False)
    until_revision = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "variant history"
        constraints = [
            # Also serves the delta: the states of a variant since a revision.
            models.UniqueConstraint(fields=["variant", "until_revision"], name="history_once")
        ]

    def __str__(self) -> str:
        return f"variant {self.variant_id} until {self.until_revision}"


class Pruning(models.Model):
    """History that was deleted: no cursor from before `until_revision` can be answered any more."""

    until_revision = models.BigIntegerField()
    variant_states = models.PositiveIntegerField()
    pruned_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # Every page of changes whose cursor is not of the newest revision: the floor.
            models.Index(fields=["until_revision"], name="pruning_floor")
        ]

    def __str__(self) -> str:
        return f"up to revision {self.until_revision}"


class Location(OfSource):
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="location_once")
        ]

    def __str__(self) -> str:
        return self.name


class StockLevel(models.Model):
    """Units of a variant at a location; `on_hand` null where the shop does not count."""

    variant = models.ForeignKey(Variant, models.PROTECT, db_index=False)
    location = models.ForeignKey(Location, models.PROTECT, db_index=False)
    on_hand = models.IntegerField(null=True)
    reserved = models.IntegerField(default=0)
    incoming = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["variant", "location"], name="stock_level_once")
        ]

    def __str__(self) -> str:
        return f"variant {self.variant_id} at location {self.location_id}"


class Observation(models.Model):
    """When each facet of a variant was last read at its shop, and what it said; outside the view."""

    variant = models.OneToOneField(Variant, models.PROTECT, primary_key=True)
    content_at = models.DateTimeField()
    price_at = models.DateTimeField()
    stock_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=16)
    price_hash = models.BinaryField(max_length=16)
    stock_hash = models.BinaryField(max_length=16)

    def __str__(self) -> str:
        return f"observation of variant {self.variant_id}"


class QuarantinedRecord(OfSource):
    """A record of a shop that cannot be mirrored, and why; its variant keeps the last good values."""

    product_external_id = models.CharField(max_length=100)
    sku = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=60)
    detail = models.CharField(max_length=500)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="quarantined_once")
        ]

    def __str__(self) -> str:
        return f"{self.sku or self.external_id}: {self.reason}"


class HeldChange(OfSource):
    """A change that the brake holds back: the variant is served as it was. Rewritten by each reading."""

    # Whose reading wants it: another source's, where that has the better claim to the SKU.
    read_from = models.ForeignKey(Source, models.PROTECT, related_name="+")
    product_external_id = models.CharField(max_length=100)
    sku = models.CharField(max_length=300)
    change = models.CharField(max_length=20)
    first_held_at = models.DateTimeField()
    last_held_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="held_change_once")
        ]

    def __str__(self) -> str:
        return f"{self.sku}: {self.change}"


class BrakeRelease(models.Model):
    """How many more variants of a source may leave its published set than the brake would let."""

    source = models.ForeignKey(Source, models.PROTECT)
    variants = models.PositiveIntegerField()
    actor = models.CharField(max_length=150)
    released_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.variants} of source {self.source_id} until {self.expires_at:%Y-%m-%d %H:%M}"
