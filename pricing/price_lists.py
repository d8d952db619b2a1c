"""A customer's price rules kept ready to quote, good until a rule changes or a window opens or closes."""

from datetime import datetime
from typing import Any

from catalog_mirror.states import State
from customers.rulebook import WHO_WHAT_WHEN, Reader, Rulebook, rulebook_of
from customers.visibility import Terms
from pricing.offers import Contest, PriceVersion, Quote, contest, decided

# A customer with more rules than this is quoted from the rules under each page's subjects instead.
MOST_KEPT = 5_000
# Contests kept a customer, about 400 bytes each; a page of 100 needs no more than 100.
MOST_CONTESTS = 1_000

_ALL = f"""
    select {WHO_WHAT_WHEN}, r.kind, r.percent, r.amount, r.currency, r.priority, r.name
    from pricing_pricerule r where r.until_revision is null limit %(most)s
"""  # noqa: S608 - constants


class PriceList:
    """Quotes from one set of rules at one instant; variants under the same subjects share a contest."""

    def __init__(self, terms: Terms, rules: Rulebook[PriceVersion], at: datetime) -> None:
        self._terms = terms
        self._rules = rules
        self._at = at
        self._contests: dict[tuple[Any, ...], Contest] = {}
        self._singled_out = {
            rule.subject[1] for rule in rules.versions if rule.subject[0] == "variant"
        }
        edges = (edge for rule in rules.versions for edge in (rule.starts_at, rule.ends_at))
        self.valid_until = min((edge for edge in edges if edge and edge > at), default=None)

    def is_current(self, at: datetime) -> bool:
        return self._at <= at and (self.valid_until is None or at < self.valid_until)

    def quote(self, state: State) -> Quote:
        """Return the decision for one variant, the same that `offers.quote` comes to."""
        if state.variant_id in self._singled_out:
            return decided(state, self._terms, self._contest(state))
        shared = (
            state.source_id,
            state.brand_id,
            state.product_id,
            state.category_ids,
            state.depths,
            state.currency,
            state.list_price is None,
        )
        between = self._contests.get(shared)
        if between is None:
            if len(self._contests) >= MOST_CONTESTS:
                self._contests.clear()
            between = self._contests[shared] = self._contest(state)
        return decided(state, self._terms, between)

    def _contest(self, state: State) -> Contest:
        return contest(state, self._terms, self._rules.covering(state), self._at)


def kept_price_list(reader: Reader, terms: Terms, at: datetime) -> PriceList | None:
    """Read all rules of the reader's customer; None where they are too many to keep."""
    rows = reader.rows(_ALL, {"most": MOST_KEPT + 1})
    if len(rows) > MOST_KEPT:
        return None
    return PriceList(terms, rulebook_of(rows, PriceVersion), at)
