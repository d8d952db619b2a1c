"""What a rule would change before it is saved: which items appear, vanish or cost something else.

The same pure functions as the view's, over the goods that the draft names, for the customers whom it
reaches, with it and without it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from catalog_mirror.models import SANDBOX_SOURCE, Variant
from catalog_mirror.states import State, Subject
from contract.items import sale_json
from customers.models import SANDBOX, Customer, CustomerTerms, Rule, VisibilityRule
from customers.past import Past
from customers.rulebook import Rulebook
from customers.visibility import RuleVersion, Terms, VisibilityVersion, is_visible
from pricing.models import OrderMinimum, OrderRule, PriceRule
from pricing.order_explanations import least_in_words
from pricing.order_minimums import OrderMinimumVersion, order_minimum
from pricing.price_lists import PriceList
from pricing.rule_versions import OrderVersion, price_version

_NEWEST = 2**62  # what is not saved yet is younger than every rule
MOST_CUSTOMERS = 50  # looked at; a rule for everyone is previewed on the first of them
# Seconds after which no further customer is looked at: a rule on all goods takes one of each.
LONGEST = 5.0
MOST_EXAMPLES = 10  # of each kind

_STATE = (
    "id", "sku", "is_published", "source_id", "brand_id", "product_id", "category_ids",
    "category_depths", "list_price", "currency", "tax_included",
)  # fmt: skip
_Kinds = dict[type[Rule], tuple[str, tuple[str, ...], Callable[..., Any]]]
# Each kind of rule: its table, its columns after who, what and when, and what is made of them.
_KINDS: _Kinds = {
    VisibilityRule: ("customers_visibilityrule", ("effect",), VisibilityVersion),
    PriceRule: (
        "pricing_pricerule",
        (
            "kind", "percent", "amount", "currency", "priority", "name", "minimum_quantity",
            "breaks", "counted_per", "exempt_from",
        ),
        price_version,
    ),
    OrderRule: (
        "pricing_orderrule",
        ("priority", "minimum_quantity", "step", "maximum_quantity"),
        OrderVersion,
    ),
    OrderMinimum: (
        "pricing_orderminimum",
        ("priority", "minimum_value", "currency", "minimum_quantity", "needs"),
        OrderMinimumVersion,
    ),
}  # fmt: skip
_Rules = dict[type[Rule], list[Any]]
_OF_GOODS = (VisibilityRule, PriceRule, OrderRule)


Previewed = VisibilityRule | PriceRule | OrderRule


@dataclass(frozen=True)
class Example:
    """One item of one customer; what is told of buying it, or nothing where it is hidden."""

    customer: str
    sku: str
    before: str
    after: str


@dataclass
class Moved:
    """How many items of all customers looked at, and some of them."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)


@dataclass
class Preview:
    """`customers` were looked at, of all `reached` by the rule; `goods` are what it names.

    `orders` tells of a rule that names no goods, whose orders come to something else.
    """

    reached: int = 0
    customers: int = 0
    goods: int = 0
    appear: Moved = field(default_factory=Moved)
    vanish: Moved = field(default_factory=Moved)
    repriced: Moved = field(default_factory=Moved)
    orders: Moved = field(default_factory=Moved)


def preview(draft: Previewed | None, *, replaces: Previewed | None = None) -> Preview:
    """Return what would change if `draft` came into force now, instead of the rule it replaces.

    Without a draft it previews a withdrawal. Nothing is written and no lock is taken.
    """
    named = [rule for rule in (draft, replaces) if rule is not None]
    states, reached = _states_under(named), _reached(named)
    found = Preview(reached=reached.count(), goods=len(states))
    for customer, past in _looked_at(reached, found):
        rules = _rules(past)
        after = _changed(rules, draft, replaces, customer)
        old, new = (_Shown(past.terms, each, past.at) for each in (rules, after))
        _compare(found, customer.slug, states, old, new)
    return found


def _looked_at(reached: QuerySet[Customer], found: Preview) -> Iterator[tuple[Customer, Past]]:
    """Yield the customers with a contract in force, and count them, as far as time allows."""
    ends = time.monotonic() + LONGEST
    for customer in reached.order_by("pk")[:MOST_CUSTOMERS]:
        if found.customers and time.monotonic() > ends:
            return
        past = Past(customer)
        if _holds(past):
            found.customers += 1
            yield customer, past


def preview_terms(draft: CustomerTerms) -> Preview:
    """Return what its customer would see and pay otherwise under other terms from now on."""
    past = Past(draft.customer)
    then = past.under(_terms(draft))
    states = _states(Q())
    found = Preview(reached=1, customers=int(_holds(past) or _holds(then)), goods=len(states))
    old, new = (_Shown(each.terms, _rules(each), past.at) for each in (past, then))
    _compare(found, draft.customer.slug, states, old, new)
    least = [_least(each, _rules(each, OrderMinimum)[OrderMinimum]) for each in (past, then)]
    if least[0] != least[1]:
        found.orders.add(Example(draft.customer.slug, "", *least))
    return found


def _holds(past: Past) -> bool:
    return past.terms is not None and past.terms.hold(past.at)


def preview_minimum(draft: OrderMinimum | None, *, replaces: OrderMinimum | None = None) -> Preview:
    """Return whose orders would have to come to something else, and to what."""
    reached = _reached([rule for rule in (draft, replaces) if rule is not None])
    found = Preview(reached=reached.count())
    for customer, past in _looked_at(reached, found):
        rules = _rules(past, OrderMinimum)
        after = _changed(rules, draft, replaces, customer)
        least = [_least(past, each[OrderMinimum]) for each in (rules, after)]
        if least[0] != least[1]:
            found.orders.add(Example(customer.slug, "", *least))
    return found


def _least(past: Past, rules: Iterable[OrderMinimumVersion]) -> str:
    best = order_minimum(past.terms, rules, past.at) if past.terms else None
    return least_in_words(best) if best else "any size"


def _terms(draft: CustomerTerms) -> Terms:
    window = (draft.contract_starts_at, draft.contract_ends_at)
    return Terms(0, None, draft.status, *window, draft.tier_id, draft.currency, draft.unpriced)


def _compare(
    found: Preview, customer: str, states: Iterable[State], old: "_Shown", new: "_Shown"
) -> None:
    for state in states:
        before, after = old.words(state), new.words(state)
        if before == after:
            continue
        moved = found.repriced if before and after else found.appear if after else found.vanish
        moved.add(Example(customer, state.sku, before.decode(), after.decode()))


class _Shown:
    """What one customer is shown under some rules; empty words where it sees nothing."""

    def __init__(self, terms: Terms | None, rules: _Rules, at: datetime) -> None:
        self._terms, self._at = terms, at
        self._is_held = terms is not None and terms.hold(at)
        self._visibility: Rulebook[VisibilityVersion] = Rulebook(rules[VisibilityRule])
        buying = Rulebook([*rules[PriceRule], *rules[OrderRule]])
        self._prices = PriceList(terms, buying, at, tell=sale_json) if terms else None

    def words(self, state: State) -> bytes:
        if not self._is_held or self._terms is None or self._prices is None:
            return b""
        covering = self._visibility.covering(state)
        if not is_visible(state, self._terms, covering, self._at):
            return b""
        return self._prices.told(state).words


def _rules(past: Past, *kinds: type[Rule]) -> _Rules:
    return {model: _rules_of(past, *_KINDS[model]) for model in kinds or _OF_GOODS}


def _rules_of(past: Past, table: str, names: Iterable[str], make: Callable[..., Any]) -> list[Any]:
    versions: list[Any] = past.rules(table, ", ".join(f"r.{name}" for name in names), make).versions
    return versions


def _changed(
    rules: _Rules, draft: Rule | None, replaces: Rule | None, customer: Customer
) -> _Rules:
    """Return the rules as they would be: without the one replaced, with the draft."""
    changed = dict(rules)
    if replaces:
        kept = [rule for rule in rules[type(replaces)] if rule.id != replaces.pk]
        changed[type(replaces)] = kept
    if draft and draft.customer_id in (None, customer.pk):
        changed[type(draft)] = [*changed[type(draft)], _version_of(draft)]
    return changed


def _version_of(draft: Rule) -> RuleVersion:
    _, names, make = _KINDS[type(draft)]
    says = [getattr(draft, name) for name in names]
    said = [orjson.dumps(each).decode() if isinstance(each, list) else each for each in says]
    who = (draft.customer_id, draft.tier_id)
    version: RuleVersion = make(
        0, None, draft.pk or _NEWEST, *who, draft.subject, draft.starts_at, draft.ends_at, *said
    )
    return version


def _states_under(rules: Iterable[Rule]) -> list[State]:
    under = Q(pk__in=())
    for rule in rules:
        under |= _goods(rule.subject)
    return _states(under)


def _states(meant: Q) -> list[State]:
    goods = Variant.objects.filter(meant, is_published=True).exclude(source=SANDBOX_SOURCE)
    rows = goods.order_by("pk").values_list(*_STATE)
    return [_state(row) for row in rows.iterator(chunk_size=2000)]


def _goods(subject: Subject) -> Q:
    kind, named = subject
    if kind == "all":
        return Q(pk__isnull=False)  # an empty Q would add nothing to the others
    if kind == "category":
        return Q(category_ids__contains=[named])
    return Q(pk=named) if kind == "variant" else Q(**{kind: named})


def _state(row: tuple[Any, ...]) -> State:
    gate: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return State(gate[0], 0, None, *gate[1:])


def _reached(rules: Iterable[Rule]) -> QuerySet[Customer]:
    """Return the customers whom a rule is for, by their terms of now."""
    who = Q(pk__in=())
    for rule in rules:
        if rule.customer_id is not None:
            who |= Q(pk=rule.customer_id)
        elif rule.tier_id is None:
            who |= ~Q(pk=SANDBOX)
        else:
            held = {"customerterms__tier": rule.tier_id, "customerterms__until_revision": None}
            who |= Q(**held)
    return Customer.objects.filter(who).distinct()
