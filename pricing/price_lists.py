"""A customer's rules kept ready to quote, good until a rule changes or a window opens or closes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from catalog_mirror.states import State
from customers.rulebook import WHO_WHAT_WHEN, Reader, Rulebook, rulebook_of
from customers.visibility import Terms
from pricing.offers import Contest, Sale, contest, sold
from pricing.rule_versions import (
    ORDER_COLUMNS,
    PRICE_COLUMNS,
    AnyVersion,
    OrderVersion,
    price_version,
)

# A customer with more rules than this is quoted from the rules under each page's subjects instead.
MOST_KEPT = 5_000
# Contests, sales and words kept a customer, about 1 KB each; a page of 100 needs no more than 100.
MOST_CONTESTS = 1_000

_PRICES = f"""
    select {WHO_WHAT_WHEN}, {PRICE_COLUMNS} from pricing_pricerule r
    where r.until_revision is null limit %(most)s
"""  # noqa: S608 - constants
_ORDERS = f"""
    select {WHO_WHAT_WHEN}, {ORDER_COLUMNS} from pricing_orderrule r
    where r.until_revision is null limit %(most)s
"""  # noqa: S608


class Told(NamedTuple):
    """A sale, the words for it, and the contest that it came from."""

    sale: Sale
    words: bytes
    between: Contest


class PriceList:
    """Quotes from one set of rules at one instant; variants under the same subjects share a contest.

    `tell` puts a sale into words; equal sales of a contest are put only once.
    """

    def __init__(
        self,
        terms: Terms,
        rules: Rulebook[AnyVersion],
        at: datetime,
        *,
        tell: Callable[[Sale], bytes],
    ) -> None:
        self.terms = terms
        self._rules = rules
        self._at = at
        self._tell = tell
        self._contests: dict[tuple[Any, ...], Contest] = {}
        self._sales: dict[tuple[Any, ...], Told] = {}
        # Words by whatever of a variant they hang on, kept by who reads variants.
        self.words: dict[str, bytes] = {}
        self.singled_out = {
            rule.subject[1] for rule in rules.versions if rule.subject[0] == "variant"
        }
        edges = (edge for rule in rules.versions for edge in (rule.starts_at, rule.ends_at))
        self.valid_until = min((edge for edge in edges if edge and edge > at), default=None)

    def is_current(self, at: datetime) -> bool:
        return self._at <= at and (self.valid_until is None or at < self.valid_until)

    def told(self, state: State) -> Told:
        """Return the sale of one variant, the same that `offers.sale` comes to, and its words."""
        shared = self._shared(state)
        told = self._sales.get(key := (shared, state.list_price, state.tax_included))
        if told is None:
            between = self._contest(shared, state)
            sale = sold(state, self.terms, between)
            told = Told(sale, self._tell(sale), between)
            _keep(self._sales, key, told)
        return told

    def put_into_words(self, alike: str, state: State) -> bytes:
        """Return the words for a variant, and keep them for those that are `alike`."""
        words = self.told(state).words
        _keep(self.words, alike, words)
        return words

    def _contest(self, shared: tuple[Any, ...], state: State) -> Contest:
        between = self._contests.get(shared)
        if between is None:
            rules = self._rules.covering(state)
            between = contest(state, self.terms, rules, self._at)
            _keep(self._contests, shared, between)
        return between

    def _shared(self, state: State) -> tuple[Any, ...]:
        return (
            state.variant_id if state.variant_id in self.singled_out else 0,
            state.source_id,
            state.brand_id,
            state.product_id,
            state.category_ids,
            state.depths,
            state.currency,
            state.list_price is None,
        )


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    if len(kept) >= MOST_CONTESTS:
        kept.clear()
    kept[key] = value


def kept_rules(reader: Reader) -> Rulebook[AnyVersion] | None:
    """Read all rules of the reader's customer; None where they are too many to keep."""
    prices = reader.rows(_PRICES, {"most": MOST_KEPT + 1})
    orders = reader.rows(_ORDERS, {"most": MOST_KEPT + 1})
    if len(prices) + len(orders) > MOST_KEPT:
        return None
    rules = rulebook_of(prices, price_version).versions
    return Rulebook([*rules, *rulebook_of(orders, OrderVersion).versions])
