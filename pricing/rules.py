"""The price rules under given variants, read in one query."""

from collections.abc import Iterable

from catalog_mirror.states import State
from customers.rulebook import UNDER_SUBJECTS, WHO_WHAT_WHEN, Reader, Rulebook, read_under
from pricing.offers import PriceVersion

_UNDER = f"""
    select {WHO_WHAT_WHEN}, r.kind, r.percent, r.amount, r.currency, r.priority, r.name
    from pricing_pricerule r {UNDER_SUBJECTS}
    where r.until_revision is null
"""  # noqa: S608 - constants
_UNDER_SINCE = _UNDER + " or r.until_revision > %(since)s"


def rules_in_force(reader: Reader, states: Iterable[State]) -> Rulebook[PriceVersion]:
    """Return the rules that stand now under these variants."""
    return read_under(reader, _UNDER, states, PriceVersion)


def rules_since(reader: Reader, states: Iterable[State], *, since: int) -> Rulebook[PriceVersion]:
    """Return the rules that stood at revision `since` or at any later one."""
    return read_under(reader, _UNDER_SINCE, states, PriceVersion, since=since)
