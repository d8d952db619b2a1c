"""Amounts of money: decimals, rounding and discounts; pure functions."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

HUNDRED = Decimal(100)
_CENT = Decimal("0.01")

# Decimals of a currency's minor unit where it is not two (ISO 4217).
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_UNITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)


@lru_cache(maxsize=65_536)
def decimals_of(price: Decimal, currency: str) -> int:
    """Return the decimals a price is stated with: its own, and no fewer than its currency has."""
    exponent = price.normalize().as_tuple().exponent
    return max(_MINOR_UNITS.get(currency, 2), -exponent if isinstance(exponent, int) else 0)


def stated(price: Decimal, currency: str) -> Decimal:
    """Return a price with the decimals it is stated with."""
    return at_decimals(price, decimals_of(price, currency))


def reduced(listed: Decimal, percent: Decimal, currency: str) -> Decimal:
    """Return so many percent off a list price, rounded once to the list price's decimals."""
    return at_decimals(listed * (HUNDRED - percent) / HUNDRED, decimals_of(listed, currency))


def at_decimals(amount: Decimal, decimals: int) -> Decimal:
    """Round half up."""
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def discount_percentage(listed: Decimal | None, unit: Decimal) -> Decimal | None:
    """Return how many percent of the list price are saved; None off no list price, or one of zero."""
    if not listed:
        return None
    return ((listed - unit) / listed * HUNDRED).quantize(_CENT, ROUND_HALF_UP)
