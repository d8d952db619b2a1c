"""Who sees what, and when: pure functions over a variant's state, the terms and the rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalog_mirror.states import State, Subject


def window_holds(starts_at: datetime | None, ends_at: datetime | None, at: datetime) -> bool:
    """Tell whether `at` lies in [starts_at, ends_at); None is open."""
    return (starts_at is None or starts_at <= at) and (ends_at is None or at < ends_at)


@dataclass(frozen=True, slots=True)
class Versioned:
    """Something that was in force from one revision until another (None: still is)."""

    from_revision: int
    until_revision: int | None

    def in_force(self, revision: int) -> bool:
        return self.from_revision <= revision and (
            self.until_revision is None or revision < self.until_revision
        )


@dataclass(frozen=True, slots=True)
class Terms(Versioned):
    """A version of what a contract says of its customer."""

    status: str
    contract_starts_at: datetime | None
    contract_ends_at: datetime | None
    tier_id: int | None
    currency: str
    unpriced: str

    def hold(self, at: datetime) -> bool:
        return self.status == "active" and window_holds(
            self.contract_starts_at, self.contract_ends_at, at
        )


@dataclass(frozen=True, slots=True)
class RuleVersion(Versioned):
    """The part that every rule has: who x what x when. A customer's id is always one's own."""

    id: int
    customer_id: int | None
    tier_id: int | None
    subject: Subject
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def who(self) -> str:
        if self.customer_id is not None:
            return "customer"
        return "everyone" if self.tier_id is None else "tier"

    def reaches(self, terms: Terms) -> bool:
        return self.tier_id is None or self.tier_id == terms.tier_id

    def holds(self, at: datetime) -> bool:
        return window_holds(self.starts_at, self.ends_at, at)


@dataclass(frozen=True, slots=True)
class VisibilityVersion(RuleVersion):
    effect: str


def is_visible(
    state: State, terms: Terms, rules: Iterable[VisibilityVersion], at: datetime
) -> bool:
    """Tell whether a customer sees the variant: default deny, one allow is enough, one deny decides.

    `rules` are those in force that cover the state.
    """
    if not (state.is_published and terms.hold(at)):
        return False
    effects = {rule.effect for rule in rules if rule.reaches(terms) and rule.holds(at)}
    return effects == {"allow"}
