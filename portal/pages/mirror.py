"""Staff pages of the mirror, read-only: products, what happened to a SKU, quarantine, sweeps as CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog_mirror.admin import ProductAdmin, QuarantinedRecordAdmin, VariantAdmin
from catalog_mirror.models import Product, QuarantinedRecord, StockLevel, Variant, VariantDocument
from customers.cells import guarded
from groundwork import audit
from groundwork.sealing import SealBroken
from portal.tables import Cell, Table, cells, columns
from portal.traces import trace
from sync.admin import DriftCorrectionAdmin, SweepRunAdmin
from sync.connections import NotConnected
from sync.following import read_again
from sync.http import ShopError

MOST_RETRIED = 100  # products: as many as a shop lists at once
MOST_LINES = 50_000
_MOST_SHOWN = 200
_MOST_IMAGES = 24
_COUNTS = ("On hand", "Reserved", "Incoming")
# A timeline tells of partners' requests and of what staff did.
_SEES_CAUSES = "groundwork.view_auditentry"


class ProductPages(ProductAdmin):
    """A product with all that belongs to it."""

    empty_hint = "Nothing is mirrored yet. Add a source, and reconcile it."

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        product = self.get_object(request, unquote(object_id))
        if product is None:
            raise Http404
        variants = _variants(product)
        context = {
            **self.admin_site.each_context(request),
            "title": product.name,
            "opts": self.opts,
            "product": product,
            "is_linked": is_web_address(product.url),
            "tables": [_variant_table(request, variants), _stock_table(variants)],
            "images": _images(variants),
        }
        return TemplateResponse(request, "portal/product.html", context)


def _variants(product: Product) -> list[Variant]:
    rows = Variant.objects.filter(product=product).select_related("brand")
    return list(rows.order_by("retired_at", "sku", "pk")[:_MOST_SHOWN])


def _variant_table(request: HttpRequest, variants: Iterable[Variant]) -> Table:
    follows = request.user.has_perm(_SEES_CAUSES)
    return Table(
        "Variants",
        columns(
            "SKU",
            "State",
            "Brand",
            "List",
            "Sale",
            "On hand",
            "Stock",
            numbers=("List", "Sale", "On hand"),
        ),
        [
            cells(
                Cell(each.sku, url=timeline_of(each.sku) if follows else ""),
                _state(each),
                str(each.brand or "-"),
                _amount(each.list_price, each.currency),
                _amount(each.sale_price, each.currency),
                each.stock_on_hand,
                each.stock_status.replace("_", " "),
            )
            for each in variants
        ],
        "It has no variant: all were retired and deleted.",
    )


def _state(variant: Variant) -> Cell:
    if variant.retired_at:
        return Cell("retired", tone="bad")
    return Cell("published", tone="good") if variant.is_published else Cell("hidden", tone="warn")


def _amount(amount: Any, currency: str) -> str:
    return "-" if amount is None else f"{amount.normalize():f} {currency}"


def _stock_table(variants: list[Variant]) -> Table:
    levels = StockLevel.objects.filter(variant__in=variants).select_related("variant", "location")
    return Table(
        "Stock by location",
        columns(
            "SKU",
            "Location",
            "On hand",
            "Reserved",
            "Incoming",
            numbers=("On hand", "Reserved", "Incoming"),
        ),
        [
            cells(each.variant.sku, each.location.name, each.on_hand, each.reserved, each.incoming)
            for each in levels.order_by("variant__sku", "location__name", "pk")
        ],
        "The shop tells no stock by location.",
    )


def _images(variants: list[Variant]) -> list[dict[str, Any]]:
    """Return the pictures of all variants, each once; partners get the same addresses."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    documents = VariantDocument.objects.filter(variant__in=variants).order_by("pk")
    for body in documents.values_list("body", flat=True):
        for image in orjson.loads(body).get("images", ()):
            found.setdefault(image["url"], {"url": image["url"], "alt": image.get("alt") or ""})
    return [
        {**image, "is_linked": is_web_address(image["url"])}
        for image in list(found.values())[:_MOST_IMAGES]
    ]


def is_web_address(url: str) -> bool:
    """Tell whether a shop's address may be followed: what a shop says may be a script for the page."""
    return url.lower().startswith(("https://", "http://"))


def timeline_of(sku: str) -> str:
    return f"{_timeline()}?{urlencode({'of': sku})}"


@cache
def _timeline() -> str:
    return reverse("admin:catalog_mirror_variant_timeline")


class VariantPages(VariantAdmin):
    """Variants, and what happened to one: webhook, sweep, change, delivery, by its cause."""

    list_display = (*VariantAdmin.list_display, "happened")  # type: ignore[assignment]

    @admin.display(description="Timeline")
    def happened(self, variant: Variant) -> SafeString:
        return format_html('<a class="tc tc-link" href="{}">Timeline</a>', timeline_of(variant.sku))

    def get_urls(self) -> list[URLPattern]:
        name = "catalog_mirror_variant_timeline"
        own = path("timeline/", self.admin_site.admin_view(self.timeline), name=name)
        return [own, *super().get_urls()]

    def timeline(self, request: HttpRequest) -> HttpResponse:
        """Tell what happened to a SKU, or under an id, each cause leading to all that it caused."""
        if not self.has_view_permission(request) or not request.user.has_perm(_SEES_CAUSES):
            raise PermissionDenied
        of = request.GET.get("of", "").replace("\0", "").strip()[:200]
        steps = trace(of) if of else []
        table = Table(
            f"What happened: {of}" if of else "What happened",
            columns("At", "What", "Said", "Cause"),
            [
                cells(s.at, s.what, s.said, Cell(s.correlation_id, _timeline_under(s)))
                for s in steps
            ],
            "Nothing is known of it. A SKU is written as the shop has it."
            if of
            else "Give a SKU, a request id, or the id of a message.",
        )
        context = {
            **self.admin_site.each_context(request),
            "title": "Timeline",
            "opts": self.opts,
            "of": of,
            "table": table,
        }
        return TemplateResponse(request, "portal/timeline.html", context)


def _timeline_under(step: Any) -> str:
    return timeline_of(step.correlation_id) if step.correlation_id else ""


class QuarantinePages(QuarantinedRecordAdmin):
    """What cannot be mirrored; once it was mended in the shop it is read again at once."""

    actions = ("retry",)
    empty_hint = "No record is quarantined: all that the shops have is mirrored."

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("sync.replay_inboundevent"))

    @admin.action(description="Retry: read them again at their shop", permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: QuerySet[QuarantinedRecord]) -> None:
        asked = list(chosen.select_related("source")[: MOST_RETRIED + 1])
        if len(asked) > MOST_RETRIED:
            messages.error(request, f"At most {MOST_RETRIED} at once. Choose fewer.")
            return
        by_source = defaultdict(list)
        for record in asked:
            by_source[record.source].append(record)
        for source, records in by_source.items():
            self._read_again(request, source, records)

    def _read_again(
        self, request: HttpRequest, source: Any, records: list[QuarantinedRecord]
    ) -> None:
        pks = [record.pk for record in records]
        try:
            read_again(source, [record.product_external_id for record in records])
        except (ShopError, NotConnected, SealBroken) as error:
            messages.error(request, f"{source} could not be read: {error}")
            return
        left = QuarantinedRecord.objects.filter(pk__in=pks).count()
        told = {"records": len(pks), "left": left}
        audit.record(
            request.user.get_username(), action="retry_quarantined", subject=source.slug, after=told
        )
        done = f"{source}: {len(pks) - left} of {len(pks)} are mirrored now."
        messages.success(request, done)


class AsCsv:
    """A list that is taken out as a file: what is chosen, or all that the filters leave."""

    @admin.action(description="Download as CSV", permissions=["view"])
    def as_csv(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        fields = [field.attname for field in chosen.model._meta.concrete_fields]  # noqa: SLF001
        rows = list(chosen.values_list(*fields)[: MOST_LINES + 1])
        if len(rows) > MOST_LINES:
            told = f"A file has at most {MOST_LINES:,} lines. Narrow the list by its filters first."
            messages.error(request, told)
            return None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(fields)
        for row in rows:
            writer.writerow([guarded("" if value is None else str(value)) for value in row])
        name = f"{chosen.model._meta.model_name}.csv"  # noqa: SLF001
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text.getvalue(), content_type="text/csv", headers=headers)


class SweepRunPages(AsCsv, SweepRunAdmin):
    actions = ("as_csv",)
    empty_hint = "No sweep yet. Run one: manage.py reconcile"


class DriftCorrectionPages(AsCsv, DriftCorrectionAdmin):
    actions = ("as_csv",)
    empty_hint = "No sweep had to correct anything: what shops told was all there was."
