"""What a customer may see now, compiled to arrays of ids, and the gate that reads them.

Compiled by one function in the database; kept in process memory under the revision of the last rule,
and only until a window opens or closes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS

from customers.visibility import Terms, window_holds
from groundwork.statements import prepared

_SUBJECTS = {
    "sources": "source",
    "brands": "brand",
    "categories": "category",
    "products": "product",
    "variants": "variant",
}
# The settings that the row policies read, beside the customer's id.
SETTINGS = ("tiers", *(f"{effect}_{name}" for effect in ("allow", "deny") for name in _SUBJECTS))

# The gate as a query writes it, over `v`, a variant; 0 among the sources is everything. The row
# policy on the table says the same once more, for the query that forgets this one. Without a customer
# nothing is looked at: a caller who was not admitted costs no reading.
GATE = """
    current_setting('tradecounter.customer', true) <> '' and v.is_published
    and (v.source_id = any(%(allow_sources)s::bigint[]) or 0 = any(%(allow_sources)s::bigint[])
         or v.brand_id = any(%(allow_brands)s::bigint[])
         or v.category_ids && %(allow_categories)s::bigint[]
         or v.product_id = any(%(allow_products)s::bigint[])
         or v.id = any(%(allow_variants)s::bigint[]))
    and not (v.source_id = any(%(deny_sources)s::bigint[]) or 0 = any(%(deny_sources)s::bigint[])
         or coalesce(v.brand_id, 0) = any(%(deny_brands)s::bigint[])
         or v.category_ids && %(deny_categories)s::bigint[]
         or v.product_id = any(%(deny_products)s::bigint[])
         or v.id = any(%(deny_variants)s::bigint[]))
"""


@dataclass(frozen=True)
class Entitlement:
    """`gate` holds the arrays as literals, for the query and the policies alike.

    `rules` is the nonce of the last revision that touched a rule: a number may be given out twice,
    by a database and by its restored backup.
    """

    rules: UUID | None
    valid_from: datetime | None
    valid_until: datetime | None
    terms: Terms | None
    gate: Mapping[str, str]

    def is_current(self, rules: UUID | None, at: datetime) -> bool:
        return (
            rules is not None
            and self.rules == rules
            and window_holds(self.valid_from, self.valid_until, at)
        )


# Knows nothing and sees nothing: what a transaction starts with before the first compilation.
NOTHING = Entitlement(None, None, None, None, dict.fromkeys(SETTINGS, "{}"))

_COMPILE = "select * from customers_entitlement(%(at)s::timestamptz)"


def compiled(*, rules: UUID | None, at: datetime, using: str = DEFAULT_DB_ALIAS) -> Entitlement:
    """Compile what the customer of this transaction may see at `at`."""
    row = prepared(_COMPILE, {"at": at}, using=using)[0]
    status, starts, ends, tier_id, currency, unpriced, tiers, subjects, boundary = row
    if status is None:
        return Entitlement(rules, at, None, None, NOTHING.gate)
    terms = Terms(0, None, status, starts, ends, tier_id, currency, unpriced)
    # Django leaves JSON as text on its connections.
    held = orjson.loads(subjects) if terms.hold(at) else {}
    gate = {
        f"{effect}_{name}": _literal(held.get(f"{effect}_{kind}", ()))
        for effect in ("allow", "deny")
        for name, kind in _SUBJECTS.items()
    }
    return Entitlement(rules, at, boundary, terms, {"tiers": _literal(tiers), **gate})


def _literal(ids: Any) -> str:
    return "{" + ",".join(map(str, ids)) + "}"
