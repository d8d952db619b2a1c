"""Makes the sandbox, or mends it: by the writers that write all else, in an order that shows no half of it.

Hidden from everybody else before there is anything to see, and answering only when all of it is there:
without terms its customer has no view. Who runs at the same time, or again, finds nothing to write.
"""

from contextlib import suppress
from typing import Any

from django.db.models import Model, Q

from catalog_mirror import brake, mirror, taxonomy
from catalog_mirror.mirror import Applied
from catalog_mirror.models import SANDBOX_RANK, SANDBOX_SLUG, SANDBOX_SOURCE, Source, Variant
from contract.sandbox.goods import CATEGORIES, CURRENCY, NAME, SKU_PREFIX, products
from contract.sandbox.rules import HIDDEN, own
from customers import versions
from customers.models import SANDBOX, Customer
from groundwork.instants import database_now

ACTOR = "make_sandbox"


def make_sandbox() -> bool:
    """Make the sandbox what the code says; return whether anything had to be written."""
    steps = (_source, _hide, _categories, _leftovers, _goods, _customer, _rules)
    written = [step() for step in steps]
    return any(written)


def _source() -> bool:
    return _is_kept(
        Source,
        SANDBOX_SOURCE,
        name=NAME,
        currency=CURRENCY,
        rank=SANDBOX_RANK,
        sku_prefix=SKU_PREFIX,
    )


def _customer() -> bool:
    return _is_kept(Customer, SANDBOX, name=NAME)


def _is_kept(model: type[Model], pk: int, **says: Any) -> bool:
    """Make a row say this; return whether it did not. Its slug is another where that is taken."""
    rows = model._default_manager  # noqa: SLF001 - Django's name for it
    if rows.filter(pk=pk).exists():
        return bool(rows.filter(pk=pk).exclude(**says).update(**says))
    is_taken = rows.filter(slug=SANDBOX_SLUG).exists()
    slug = f"{SANDBOX_SLUG}-of-tradecounter" if is_taken else SANDBOX_SLUG
    _, is_new = rows.get_or_create(pk=pk, defaults={"slug": slug, **says})
    return is_new


def _hide() -> bool:
    standing = Q(customer=None, source=SANDBOX_SOURCE)
    return versions.settle(HIDDEN, standing=standing, actor=ACTOR)


def _rules() -> bool:
    return versions.settle(own(), standing=Q(customer=SANDBOX), actor=ACTOR)


def _categories() -> bool:
    source = Source.objects.get(pk=SANDBOX_SOURCE)
    return bool(taxonomy.apply_categories(source, CATEGORIES, origin=ACTOR))


def _goods() -> bool:
    """Apply what differs. A dry run looks first: an equal reading would note its hour in each row."""
    source = Source.objects.get(pk=SANDBOX_SOURCE)
    if not _applied(source, dry_run=True).differences:
        return False
    if _applied(source).held:  # a brake on what the code itself takes away would ask nobody
        _let_pass(source)
        _applied(source)
    return True


def _applied(source: Source, *, dry_run: bool = False) -> Applied:
    at = database_now()
    return mirror.apply(source, products(), observed_at=at, origin=ACTOR, dry_run=dry_run)


def _leftovers() -> bool:
    """Retire what an older code had."""
    source = Source.objects.get(pk=SANDBOX_SOURCE)
    ids = [variant.external_id for each in products() for variant in each.variants]
    stale = Variant.objects.filter(source=source, retired_at=None).exclude(external_id__in=ids)
    leaving = list(stale.values_list("external_id", flat=True))
    if leaving and _retired(source, leaving).held:
        _let_pass(source)
        _retired(source, leaving)
    return bool(leaving)


def _let_pass(source: Source) -> None:
    with suppress(brake.NothingToRelease):  # another run has let it pass
        brake.release(source, actor=ACTOR)


def _retired(source: Source, external_ids: list[str]) -> Applied:
    return mirror.retire(source, external_ids, observed_at=database_now(), origin=ACTOR)
