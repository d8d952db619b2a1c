"""The only writer of quarantined records: what cannot be mirrored, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from catalog_mirror.conflicts import Claim
from catalog_mirror.models import QuarantinedRecord, Source
from catalog_mirror.records import Unmirrorable

_RELEASE = """
    delete from catalog_mirror_quarantinedrecord where source_id = %s and external_id = any(%s)
"""


def keep(source: Source, problems: Sequence[Unmirrorable], *, at: datetime) -> None:
    """Note the records that cannot be mirrored; one that is known keeps when it was first seen."""
    by_id = {problem.external_id: problem for problem in problems}
    QuarantinedRecord.objects.bulk_create(
        [
            QuarantinedRecord(
                source=source,
                external_id=problem.external_id,
                product_external_id=problem.product_external_id,
                sku=problem.sku[:300],
                reason=problem.reason,
                detail=problem.detail[:500],
                first_seen_at=at,
                last_seen_at=at,
            )
            for problem in by_id.values()
        ],
        update_conflicts=True,
        unique_fields=["source", "external_id"],
        update_fields=["product_external_id", "sku", "reason", "detail", "last_seen_at"],
    )


def release(source: Source, external_ids: set[str], *, but: Iterable[Unmirrorable]) -> None:
    """Forget what stood against records that were mirrored after all."""
    mirrored = external_ids - {problem.external_id for problem in but}
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [source.pk, list(mirrored)])


def forget_unseen(source: Source, *, since: datetime) -> None:
    """Forget the records that a complete reading of the shop, begun at `since`, did not meet."""
    QuarantinedRecord.objects.filter(source=source, last_seen_at__lt=since).delete()


def displace(claim: Claim, *, at: datetime) -> Unmirrorable:
    """Note that a variant lost its SKU to one that comes first; return what was noted."""
    problem = Unmirrorable(
        external_id=claim.external_id,
        product_external_id=claim.product_external_id,
        sku=claim.sku,
        reason="duplicate_sku",
        detail="A record of a source that comes first carries this SKU. Give one of the "
        "two another SKU in its shop.",
    )
    keep(Source.objects.get(slug=claim.source_slug), [problem], at=at)
    return problem
