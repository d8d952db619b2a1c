"""The rules of buying under given variants: two queries, one rulebook."""

from collections.abc import Iterable

from catalog_mirror.states import State
from customers.rulebook import (
    UNDER_SUBJECTS,
    WHO_WHAT_WHEN,
    Reader,
    Rulebook,
    asked_under,
    read_under,
)
from groundwork.statements import Statement
from pricing.rule_versions import (
    ORDER_COLUMNS,
    PRICE_COLUMNS,
    AnyVersion,
    OrderVersion,
    price_version,
)

_PRICES = f"""
    select {WHO_WHAT_WHEN}, {PRICE_COLUMNS} from pricing_pricerule r {UNDER_SUBJECTS}
    where r.until_revision is null
"""  # noqa: S608 - constants
_ORDERS = f"""
    select {WHO_WHAT_WHEN}, {ORDER_COLUMNS} from pricing_orderrule r {UNDER_SUBJECTS}
    where r.until_revision is null
"""  # noqa: S608
_OR_SINCE = " or r.until_revision > %(since)s"


def rules_in_force(reader: Reader, states: Iterable[State]) -> Rulebook[AnyVersion]:
    """Return the rules that stand now under these variants."""
    under = list(states)
    prices = read_under(reader, _PRICES, under, price_version)
    orders = read_under(reader, _ORDERS, under, OrderVersion)
    return Rulebook([*prices.versions, *orders.versions])


def rules_asked(states: Iterable[State], since: int) -> tuple[Statement, Statement]:
    """Return what `rules_since` reads."""
    under = list(states)
    return (
        asked_under(_PRICES + _OR_SINCE, under, since=since),
        asked_under(_ORDERS + _OR_SINCE, under, since=since),
    )


def rules_since(reader: Reader, states: Iterable[State], *, since: int) -> Rulebook[AnyVersion]:
    """Return the rules that stood at revision `since` or at any later one."""
    under = list(states)
    prices = read_under(reader, _PRICES + _OR_SINCE, under, price_version, since=since)
    orders = read_under(reader, _ORDERS + _OR_SINCE, under, OrderVersion, since=since)
    return Rulebook([*prices.versions, *orders.versions])
