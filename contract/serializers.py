"""The shapes of /v1 for its OpenAPI document. Answers are not made of these: tests hold them to it."""

from typing import Any

from rest_framework import serializers

from contract.pricing import LARGEST_QUANTITY, LONGEST_SKU, MOST_LINES


# A shape is described, never filled. What stands in its docstring stands in the document.
class _Shape(serializers.Serializer[Any]):
    pass


class Problem(_Shape):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; decide by it.")
    detail = serializers.CharField()
    request_id = serializers.CharField()
    parameter = serializers.CharField(required=False, help_text="The parameter that is refused.")
    resync = serializers.CharField(
        required=False, help_text="Where a cursor is gone: ask this, and replace your copy."
    )


class ItemProduct(_Shape):
    code = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()


class ItemBrand(_Shape):
    slug = serializers.CharField()
    name = serializers.CharField()


class ItemCategory(_Shape):
    slug = serializers.CharField()
    name = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField())


class ItemImage(_Shape):
    url = serializers.CharField()
    alt = serializers.CharField()


class ItemWeight(_Shape):
    value = serializers.CharField()
    unit = serializers.CharField()


class ItemDimensions(_Shape):
    length = serializers.CharField()
    width = serializers.CharField()
    height = serializers.CharField()
    unit = serializers.CharField()


class ItemStock(_Shape):
    on_hand = serializers.IntegerField(
        allow_null=True, help_text="Null where the shop does not count."
    )
    available = serializers.IntegerField(allow_null=True)
    status = serializers.CharField(help_text="in_stock, out_of_stock, on_backorder; more may come.")


class PriceBasis(_Shape):
    who = serializers.CharField(help_text="customer, tier, everyone")
    what = serializers.CharField(help_text="variant, product, category, brand, source, all")
    kind = serializers.CharField(help_text="contract, fixed, percent, list")


class PriceBreak(_Shape):
    minimum_quantity = serializers.IntegerField()
    unit = serializers.CharField()
    discount_percentage = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True)
    counted_per = serializers.CharField(
        help_text="variant, product, category: what is counted together to reach the quantity."
    )
    basis = PriceBasis()


class ItemPrice(_Shape):
    currency = serializers.CharField()
    tax_included = serializers.BooleanField()
    list = serializers.CharField(allow_null=True)
    unit = serializers.CharField(
        allow_null=True, help_text="Null where you have no price in your currency."
    )
    breaks = PriceBreak(many=True)
    next_change_at = serializers.DateTimeField(allow_null=True)


class ItemOrder(_Shape):
    minimum_quantity = serializers.IntegerField()
    step = serializers.IntegerField()
    maximum_quantity = serializers.IntegerField(allow_null=True)


class Item(_Shape):
    sku = serializers.CharField()
    name = serializers.CharField()
    source = serializers.CharField()
    product = ItemProduct()
    brand = ItemBrand(allow_null=True)
    categories = ItemCategory(many=True)
    options = serializers.DictField(child=serializers.CharField())
    attributes = serializers.DictField(child=serializers.CharField())
    description = serializers.CharField()
    images = ItemImage(many=True)
    gtin = serializers.CharField(allow_null=True)
    weight = ItemWeight(allow_null=True)
    dimensions = ItemDimensions(allow_null=True)
    stock = ItemStock()
    price = ItemPrice()
    order = ItemOrder()


class StockItem(_Shape):
    sku = serializers.CharField()
    stock = ItemStock()


class Change(_Shape):
    op = serializers.CharField(help_text="upsert or remove")
    sku = serializers.CharField()
    version = serializers.CharField(help_text="Sorts as text; the greater one is the later one.")
    changed = serializers.ListField(child=serializers.CharField(), required=False)
    item = Item(required=False)


class _Page(_Shape):
    revision = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    has_more = serializers.BooleanField()


class ProductPage(_Page):
    data = Item(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class StockPage(_Page):
    data = StockItem(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ChangesPage(_Page):
    data = Change(many=True)
    version = serializers.CharField(
        help_text="Of the snapshot that the page was read at, and of every entry on it."
    )
    next_cursor = serializers.CharField(required=False, help_text="While the pass goes on.")
    delta_cursor = serializers.CharField(required=False, help_text="Where the next pass starts.")


class WantedLine(_Shape):
    sku = serializers.CharField(max_length=LONGEST_SKU)
    quantity = serializers.IntegerField(default=1, min_value=1, max_value=LARGEST_QUANTITY)


class Wanted(_Shape):
    items = serializers.ListField(child=WantedLine(), min_length=1, max_length=MOST_LINES)


class PricedLine(_Shape):
    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    status = serializers.CharField(
        help_text="ok, not_found, not_sold, below_minimum, above_maximum, not_in_steps; more may come."
    )
    unit = serializers.CharField(
        required=False, allow_null=True, help_text="The price of a piece at this quantity."
    )
    total = serializers.CharField(required=False, allow_null=True)
    basis = PriceBasis(required=False, allow_null=True)
    nearest_quantity = serializers.IntegerField(
        required=False, allow_null=True, help_text="Where the quantity is refused: one that is not."
    )
    price = ItemPrice(required=False)
    order = ItemOrder(required=False)


class OrderMinimum(_Shape):
    value = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField(allow_null=True)
    needs = serializers.CharField(help_text="any, all")


class Shortfall(_Shape):
    value = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField(allow_null=True)


class _Whole(_Shape):
    revision = serializers.IntegerField()
    as_of = serializers.DateTimeField()


class Basket(_Whole):
    data = PricedLine(many=True)
    currency = serializers.CharField()
    value = serializers.CharField(help_text="Of the lines that are ok.")
    quantity = serializers.IntegerField(help_text="Of the lines that are ok, in pieces.")
    order_ok = serializers.BooleanField(
        help_text="Whether every line is ok and the minimum of an order is reached."
    )
    minimum = OrderMinimum(allow_null=True)
    shortfall = Shortfall(allow_null=True)


class SeenBrand(_Shape):
    slug = serializers.CharField()
    name = serializers.CharField()
    source = serializers.CharField()
    items = serializers.IntegerField(help_text="Items of your view.")


class BrandList(_Whole):
    data = SeenBrand(many=True)


class SeenCategory(SeenBrand):
    parent = serializers.CharField(allow_null=True)
    path = serializers.ListField(child=serializers.CharField())


class CategoryList(_Whole):
    data = SeenCategory(many=True)


class Named(_Shape):
    slug = serializers.CharField()
    name = serializers.CharField()


class Contract(_Shape):
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)


class CallerKey(_Shape):
    id = serializers.CharField(help_text="Not secret: what to name a key by.")
    label = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
    requests_a_minute = serializers.IntegerField()


class Caller(_Whole):
    customer = Named()
    tier = Named(allow_null=True)
    currency = serializers.CharField()
    contract = Contract()
    unpriced = serializers.CharField(help_text="list_price, not_sold")
    order_minimum = OrderMinimum(allow_null=True)
    key = CallerKey()


class Health(_Shape):
    status = serializers.CharField()
    revision = serializers.IntegerField(required=False)
