"""The moments of an interval at which a customer's view of one variant may have differed; pure.

DELTA.md's `moments` and `projection`: the view is compared with every one of them, not with "then",
because a rule may have come and gone between two pages of one client.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog_mirror.revisions import EPSILON
from catalog_mirror.states import State
from contract.items import sale_json
from customers.rulebook import Rulebook
from customers.visibility import RuleVersion, Terms, VisibilityVersion, is_visible
from pricing.offers import sale
from pricing.rule_versions import AnyVersion


@dataclass(frozen=True, slots=True)
class Projection:
    """What of a variant a customer is shown, besides its content and stock."""

    sku: str
    price: bytes


@dataclass(frozen=True)
class Interval:
    """From a cursor's (revision, instant) to the snapshot's, with all that was in force between."""

    since: int
    since_at: datetime
    until: int
    until_at: datetime
    terms: Sequence[Terms]
    visibility: Rulebook[VisibilityVersion]
    prices: Rulebook[AnyVersion]
    recorded_at: Mapping[int, datetime]


def past_projections(interval: Interval, states: Sequence[State]) -> Iterator[Projection | None]:
    """Yield what the customer was shown of a variant at every moment that may differ."""
    visibility = [r for state in states for r in interval.visibility.covering(state)]
    prices = [r for state in states for r in interval.prices.covering(state)]
    rules: list[RuleVersion] = [*visibility, *prices]
    for revision, at in moments(interval, states, rules):
        yield projection(interval, states, revision, at)


def projection(
    interval: Interval, states: Sequence[State], revision: int, at: datetime
) -> Projection | None:
    """Return what the customer is shown of a variant at one moment, None where it is hidden."""
    state = next((state for state in states if state.stands_at(revision)), None)
    terms = next((terms for terms in interval.terms if terms.in_force(revision)), None)
    if state is None or terms is None:
        return None
    seen = [r for r in interval.visibility.covering(state) if r.in_force(revision)]
    if not is_visible(state, terms, seen, at):
        return None
    prices = [r for r in interval.prices.covering(state) if r.in_force(revision)]
    return Projection(state.sku, sale_json(sale(state, terms, prices, at)))


def moving_revisions(
    interval_since: int,
    interval_until: int,
    states: Sequence[State],
    terms: Sequence[Terms],
    rules: Sequence[RuleVersion],
) -> list[int]:
    """Return the cursor's revision and those since that touched the variant, its rules or the terms."""
    touching = {interval_since}
    every: list[State | Terms | RuleVersion] = [*states, *terms, *rules]
    for each in every:
        touching.update(
            number
            for number in (each.from_revision, each.until_revision)
            if number is not None and interval_since < number <= interval_until
        )
    return sorted(touching)


def moments(
    interval: Interval, states: Sequence[State], rules: Sequence[RuleVersion]
) -> Iterator[tuple[int, datetime]]:
    """Yield (revision, instant): each revision's beginning, and each window boundary while it stood.

    A revision may become readable up to EPSILON after its stamp: until then the one before stands.
    """
    revisions = moving_revisions(interval.since, interval.until, states, interval.terms, rules)
    for index, revision in enumerate(revisions):
        begins = (
            interval.since_at
            if index == 0
            else max(interval.since_at, interval.recorded_at[revision])
        )
        ends = interval.until_at
        if index + 1 < len(revisions):
            ends = min(interval.recorded_at[revisions[index + 1]] + EPSILON, ends)
        yield revision, begins
        boundaries = {
            boundary
            for rule in rules
            if rule.in_force(revision)
            for boundary in (rule.starts_at, rule.ends_at)
            if boundary is not None and begins < boundary <= ends
        }
        for boundary in sorted(boundaries):
            yield revision, boundary
