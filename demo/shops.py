"""The shops of the demo, with the keys that open them on loopback and nowhere else."""

from dataclasses import dataclass, replace
from typing import Final, Literal

Line = Literal["drinkware", "apparel"]


@dataclass(frozen=True, kw_only=True)
class Shop:
    slug: str
    name: str
    line: Line
    seed: int
    sellable: int  # items a buyer can order: simple products and variations outside the trash
    shared: int  # of these, SKUs that every shop of the demo sells
    time_zone: str
    prices_include_tax: bool
    lists_all_variations: bool  # whether there is one list of all variations
    consumer_key: str
    consumer_secret: str
    hook_secret: str  # signs its webhooks
    currency: str = "USD"
    is_from_10_3: bool = False  # that list is WooCommerce's own, not its analytics


def _demo_key(prefix: str, pair: str) -> str:
    """Return a key in WooCommerce's shape, 40 hex digits, that nobody takes for a real one."""
    return f"{prefix}_{pair * 20}"


DRINKWARE: Final = Shop(
    slug="drinkware",
    name="Northcup Drinkware",
    line="drinkware",
    seed=11_000,
    sellable=11_000,
    shared=150,
    time_zone="America/Chicago",
    prices_include_tax=False,
    lists_all_variations=True,
    consumer_key=_demo_key("ck", "d1"),
    consumer_secret=_demo_key("cs", "d1"),
    hook_secret=_demo_key("hs", "d1"),
)
APPAREL: Final = Shop(
    slug="apparel",
    name="Loomfield Apparel & Bags",
    line="apparel",
    seed=8_000,
    sellable=8_000,
    shared=150,
    time_zone="America/New_York",
    prices_include_tax=True,
    lists_all_variations=False,
    consumer_key=_demo_key("ck", "a2"),
    consumer_secret=_demo_key("cs", "a2"),
    hook_secret=_demo_key("hs", "a2"),
)
SHOPS: Final = {shop.slug: shop for shop in (DRINKWARE, APPAREL)}
# Every odd record (130 of them the variations of one product) and a few of everything ordinary.
SMALL_SELLABLE: Final = 240


def small_shop(seed: int = 1, *, like: Shop = DRINKWARE) -> Shop:
    """Return a shop for fast tests: few ordinary items, every odd record, `like`'s settings."""
    return replace(
        like, slug=f"small-{seed}", name="Small Shop", seed=seed, sellable=SMALL_SELLABLE, shared=5
    )
