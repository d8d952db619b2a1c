"""Which of two rules is the more particular: first by what it names, then by whom."""

from catalog_mirror.states import State
from customers.visibility import RuleVersion

WHAT = ("variant", "product", "category", "brand", "source", "all")
WHO = ("customer", "tier", "everyone")


def by_what_and_who(state: State, rule: RuleVersion) -> tuple[int, int, int]:
    """Return a rank, the lower the more particular; a deeper category comes before a shallower."""
    kind, subject_id = rule.subject
    depth = state.depths[state.category_ids.index(subject_id)] if kind == "category" else 0
    return WHAT.index(kind), -depth, WHO.index(rule.who)
