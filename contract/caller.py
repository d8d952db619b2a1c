"""Who is calling, and under which terms: what a partner may read of itself."""

from typing import Any

from contract.pricing import minimum_for, minimum_of
from contract.snapshots import Snapshot

_CALLER = """
    select c.slug, c.name, t.slug, t.name
    from customers_customer c left join customers_tier t on t.id = %(tier)s::bigint
    where c.id = %(customer)s::bigint
"""


def caller(snapshot: Snapshot) -> dict[str, Any]:
    """Return the customer with its tier and terms."""
    terms = snapshot.terms
    asked = {"tier": terms.tier_id, "customer": snapshot.customer_id}
    ((slug, name, tier, tier_name),) = snapshot.rows(_CALLER, asked)
    return {
        "customer": {"slug": slug, "name": name},
        "tier": tier and {"slug": tier, "name": tier_name},
        "currency": terms.currency,
        "contract": {"starts_at": terms.contract_starts_at, "ends_at": terms.contract_ends_at},
        "unpriced": terms.unpriced,
        "order_minimum": minimum_of(minimum_for(snapshot)),
    }
