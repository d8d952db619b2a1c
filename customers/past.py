"""Terms and rules as they stood at a revision: every version is kept, so it is a WHERE."""

from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection

from catalog_mirror.past import moment_of, state_at
from catalog_mirror.states import State
from customers.models import SANDBOX, Customer
from customers.rulebook import WHO_WHAT_WHEN, Rulebook, rulebook_of
from customers.visibility import RuleVersion, Terms

_R = TypeVar("_R", bound=RuleVersion)

_TERMS = """
    select from_revision, until_revision, status, contract_starts_at, contract_ends_at, tier_id,
           currency, unpriced
    from customers_customerterms
    where customer_id = %(customer)s and from_revision <= %(revision)s
      and (until_revision is null or until_revision > %(revision)s)
"""
_RULES = f"""
    select {{columns}} from {{table}} r
    where (r.customer_id = %(customer)s
           or r.customer_id is null and %(customer)s <> {SANDBOX}
              and (r.tier_id is null or r.tier_id = %(tier)s))
      and r.from_revision <= %(revision)s
      and (r.until_revision is null or r.until_revision > %(revision)s)
"""  # noqa: S608 - a constant


class Past:
    """One customer at one instant: what was in force, and what a SKU was."""

    def __init__(
        self, customer: Customer, at: datetime | None = None, revision: int | None = None
    ) -> None:
        """Raise `NothingThen` where there was nothing; neither is the database's now."""
        self.revision, self.at = moment_of(at, revision)
        self._params: dict[str, Any] = {"customer": customer.pk, "revision": self.revision}
        rows = _rows(_TERMS, self._params)
        self.terms = Terms(*rows[0]) if rows else None
        self._params["tier"] = self.terms and self.terms.tier_id
        self._states: dict[str, State | None] = {}

    def under(self, terms: Terms) -> "Past":
        """Return the same customer and instant as they would be under other terms."""
        other = copy(self)
        other.terms = terms
        other._params = self._params | {"tier": terms.tier_id}  # noqa: SLF001 - of its own class
        return other

    def state(self, sku: str) -> State | None:
        """Return what carried a SKU; it is read once, as the past does not change."""
        if sku not in self._states:
            self._states[sku] = state_at(sku, self.revision)
        return self._states[sku]

    def rules(self, table: str, columns: str, make: Callable[..., _R]) -> Rulebook[_R]:
        """Return the rules of a table that could reach the customer; `columns` follow who and what."""
        sql = _RULES.format(columns=f"{WHO_WHAT_WHEN}, {columns}", table=table)
        return rulebook_of(_rows(sql, self._params), make)


def _rows(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
