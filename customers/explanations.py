"""Why a customer sees a SKU, or does not: every rule that covers it, and what it came to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from catalog_mirror.states import State, Subject
from customers.models import Customer
from customers.past import Past
from customers.visibility import RuleVersion, Terms, VisibilityVersion, is_visible

# What rules name. Of the kinds that are named alone: to plan for all of them takes longer than to look.
_NAMES = {
    "source": "select 'source', id, slug from catalog_mirror_source where id = any(%s)",
    "brand": "select 'brand', id, slug from catalog_mirror_brand where id = any(%s)",
    "category": "select 'category', id, slug from catalog_mirror_category where id = any(%s)",
    "product": "select 'product', id, code from catalog_mirror_product where id = any(%s)",
    "variant": "select 'variant', id, sku from catalog_mirror_variant where id = any(%s)",
    "customer": "select 'customer', id, name from customers_customer where id = any(%s)",
    "tier": "select 'tier', id, name from customers_tier where id = any(%s)",
}


_ALL: Subject = ("all", 0)


@dataclass(frozen=True)
class Considered:
    """A rule that covers the SKU. `outcome` says in a few words what became of it."""

    rule: int
    says: str
    who: str
    what: str
    starts_at: datetime | None
    ends_at: datetime | None
    outcome: str
    decides: bool


@dataclass(frozen=True)
class VisibilityExplanation:
    customer: str
    sku: str
    at: datetime
    revision: int
    visible: bool
    because: str
    rules: list[Considered]


def explain_visibility(
    customer: Customer,
    sku: str,
    *,
    at: datetime | None,
    revision: int | None = None,
    past: Past | None = None,
) -> VisibilityExplanation:
    """Explain whether a customer saw a SKU at an instant and a revision; neither is now.

    Whoever asks more gives the `past` to ask of, so that all answers are of one moment.
    Raise `catalog_mirror.past.NothingThen` where nothing was there yet.
    """
    past = past or Past(customer, at, revision)
    at, state = past.at, past.state(sku)
    book = past.rules("customers_visibilityrule", "r.effect", VisibilityVersion)
    rules = book.covering(state) if state else []
    visible = bool(state and past.terms and is_visible(state, past.terms, rules, at))
    return VisibilityExplanation(
        customer=customer.slug,
        sku=sku,
        at=at,
        revision=past.revision,
        visible=visible,
        because=_because(state, past.terms, rules, at),
        rules=list(_considered(rules, at)),
    )


def subject_names(subjects: Iterable[Subject]) -> dict[Subject, str]:
    """Return what rules name, in words: "brand northcup"."""
    named = names_of(set(subjects) - {_ALL})
    return {_ALL: "everything"} | {
        (kind, pk): f"{kind} {name}" for (kind, pk), name in named.items()
    }


def names_of(things: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the names of subjects, customers and tiers; one statement however many there are."""
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for kind, pk in set(things):
        ids[kind].append(pk)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(_NAMES[kind] for kind in ids), list(ids.values()))
        return {(kind, pk): name for kind, pk, name in cursor.fetchall()}


def outside_window(rule: RuleVersion, at: datetime) -> str:
    """Return why the rule's window does not hold, or nothing where it does."""
    if rule.starts_at and at < rule.starts_at:
        return f"begins on {rule.starts_at:%Y-%m-%d %H:%M %Z}"
    if rule.ends_at and at >= rule.ends_at:
        return f"ended on {rule.ends_at:%Y-%m-%d %H:%M %Z}"
    return ""


def no_contract(terms: Terms | None, at: datetime) -> str:
    """Return why no contract holds, or nothing where one does."""
    if terms is None:
        return "The customer had no terms then."
    if terms.status != "active":
        return f"The customer's status is {terms.status}."
    return "" if terms.hold(at) else "The time lies outside the customer's contract."


def _because(
    state: State | None, terms: Terms | None, rules: list[VisibilityVersion], at: datetime
) -> str:
    if reason := no_contract(terms, at):
        return reason
    if state is None:
        return "No variant carried this SKU then."
    if not state.is_published:
        return "It was not published."
    effects = {rule.effect for rule in rules if rule.holds(at)}
    if "deny" in effects:
        return "A rule denies it, and one is enough."
    return "A rule allows it and none denies it." if effects else "No rule allows it."


def _considered(rules: list[VisibilityVersion], at: datetime) -> Iterator[Considered]:
    names = subject_names(rule.subject for rule in rules)
    is_denied = any(rule.effect == "deny" and rule.holds(at) for rule in rules)
    for rule in sorted(rules, key=lambda rule: (rule.effect != "deny", rule.id)):
        outcome = outside_window(rule, at)
        decides = not outcome and (rule.effect == "deny" or not is_denied)
        yield Considered(
            rule=rule.id,
            says=rule.effect,
            who=rule.who,
            what=names[rule.subject],
            starts_at=rule.starts_at,
            ends_at=rule.ends_at,
            outcome=outcome or ("decides" if decides else "overruled by a denial"),
            decides=decides,
        )
