"""The sandbox's own terms and rules: one of each kind of price that an integration may meet."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from catalog_mirror.models import SANDBOX_SOURCE, Category, Product, Variant
from contract.sandbox.goods import CURRENCY
from customers.models import SANDBOX, CustomerTerms, VisibilityRule
from customers.versions import Wanted
from pricing.entry import checked
from pricing.models import OrderMinimum, OrderRule, PriceRule

# Far off, so that `next_change_at` is always the same.
LATER = datetime(2099, 1, 1, tzinfo=UTC)

# Nobody else sees the sandbox's source: denied to everyone, it wins over all that staff allow.
HIDDEN: Wanted = {VisibilityRule: [{"effect": "deny", "source_id": SANDBOX_SOURCE}]}


def own() -> Wanted:
    """Return what the sandbox's customer is to have; its goods are mirrored already.

    Its terms make it answer, so they stand in the same revision as the rest.
    """
    return {
        VisibilityRule: [_of(effect="allow", source_id=SANDBOX_SOURCE)],
        PriceRule: _there(_prices()),
        OrderRule: _there(_orders()),
        OrderMinimum: [
            _of(minimum_value=Decimal(250), currency=CURRENCY, minimum_quantity=100, needs="any")
        ],
        CustomerTerms: [_of(currency=CURRENCY)],
    }


def _orders() -> list[dict[str, Any]]:
    return [
        _of(product_id=_product("MUG"), minimum_quantity=12, step=12),
        _of(
            product_id=_product("PALLET"),
            minimum_quantity=100,
            step=100,
            maximum_quantity=1000,
        ),
    ]


def _prices() -> list[dict[str, Any]]:
    category = Category.objects.get(source=SANDBOX_SOURCE, slug="sandbox-apparel").pk
    bottle = _id_of(Variant, "BOTTLE-500ML")
    return [
        _percent("10", source_id=SANDBOX_SOURCE, name="Sandbox discount"),
        _percent(
            "25",
            (48, "30"),
            (144, "35"),
            category_id=category,
            counted_per="category",
            name="Apparel together",
        ),
        _percent("15", (500, "27.5"), product_id=_product("PEN"), counted_per="product"),
        _fixed("6.50", (72, "5.90"), (288, "5.40"), product_id=_product("MUG")),
        _fixed("3.90", product_id=_product("BAG"), minimum_quantity=25),
        _fixed("11.25", (100, "10.80"), kind="contract", variant_id=bottle, name="Contract"),
        _fixed("8.75", product_id=_product("LATER"), starts_at=LATER),
        _fixed("0.0875", product_id=_product("PALLET")),
        _of(kind="exempt", exempt_from="general", product_id=_product("CLEARANCE")),
    ]


def _percent(percent: str, *steps: tuple[int, str], **says: Any) -> dict[str, Any]:
    return _priced(steps, kind="percent", percent=percent, **says)


def _fixed(amount: str, *steps: tuple[int, str], **says: Any) -> dict[str, Any]:
    return _priced(steps, amount=amount, **{"kind": "fixed"} | says)


def _priced(steps: tuple[tuple[int, str], ...], **says: Any) -> dict[str, Any]:
    breaks = [{"minimum_quantity": at, "value": value, "name": ""} for at, value in steps]
    return checked(_of(currency=CURRENCY, breaks=breaks, **says))


def _product(code: str) -> int | None:
    return _id_of(Product, code)


def _id_of(model: type[Product | Variant], external_id: str) -> int | None:
    found = model._default_manager.filter(source=SANDBOX_SOURCE, external_id=external_id)  # noqa: SLF001 - Django's name for it
    return found.values_list("pk", flat=True).first()


def _of(**says: Any) -> dict[str, Any]:
    return {"customer_id": SANDBOX, **says}


def _there(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the rules whose goods are missing, because a shop carried their SKUs first."""
    return [
        each for each in rules if None not in (each.get("product_id", 0), each.get("variant_id", 0))
    ]
