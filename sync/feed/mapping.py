"""Records of a feed in the mirror's words, by its map; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import orjson
from django.utils.text import slugify

from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Image,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    StockStatus,
    Unmirrorable,
    VariantRecord,
    Weight,
)
from catalog_mirror.validation import LONGEST_ID
from sync.feed import maps
from sync.feed.maps import FieldMap, Levels
from sync.feed.rules import (
    Place,
    Spec,
    Unreadable,
    amount_of,
    count_of,
    is_nothing,
    list_of,
    pick,
    text_of,
    truth_of,
    value_of,
)

_STATUSES: tuple[StockStatus, ...] = ("in_stock", "out_of_stock", "on_backorder")
_PATH = "\x1f"  # between the names of a category's path, in what its id is made of


class FieldFails(Exception):
    """A field that no value can be made of."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


@dataclass(frozen=True)
class Read:
    """What one record is: its ids, and what the mirror gets of it; None where it says it is deleted."""

    external_id: str
    product_external_id: str
    record: ProductRecord | Unmirrorable | None
    is_named: bool = True  # whether it has an id of its own

    def refused_as_repeated(self) -> "Read":
        """Return it as one of several records that carry its id: which of them is right is unknown."""
        refused = Unmirrorable(
            external_id=self.external_id,
            product_external_id=self.product_external_id,
            sku="",
            reason="id_repeated",
            detail=f"Several records of the feed carry the id {self.external_id[:100]} and differ. "
            "Give each an id of its own, or name another field as `id` in the map.",
        )
        return replace(self, record=refused)


def places_of(records: Sequence[Any], field_map: FieldMap) -> Iterator[Place | None]:
    """Yield the sellable things of records; None for what is no object."""
    for record in records:
        if not isinstance(record, Mapping):
            yield None
        elif not field_map.variants:
            yield Place(record)
        else:
            # One without variants is sold itself.
            for variant in list_of(pick(record, field_map.variants)) or [record]:
                yield Place(variant, record) if isinstance(variant, Mapping) else None


def repeated_ids(records: Iterator[Any], field_map: FieldMap) -> set[str]:
    """Return the ids that differing records of one file or answer carry.

    Pages that shift while they are read repeat a record as it was and as it is: there the later counts.
    """
    known: dict[str, int] = {}
    if field_map.paging.kind != "none":
        return set()
    return {
        external_id
        for external_id, content in _contents(records, field_map)
        if known.setdefault(external_id, content) != content
    }


def _contents(records: Iterator[Any], field_map: FieldMap) -> Iterator[tuple[str, int]]:
    """Yield the id of each record that has one, and a digest of what it says."""
    for record in records:
        for place in places_of([record], field_map):
            try:
                says = Says(_whole(place), field_map)
                external_id, product_id = says.text("id"), says.text("product_id")
            except FieldFails:  # told when the record itself is read
                continue
            if external_id:
                yield external_id, hash((product_id, orjson.dumps(says.place.record)))


def read(place: Place | None, field_map: FieldMap, *, number: int) -> Read:
    """Return what a record is to the mirror; `number` names one that has no id."""
    external_id = product_id = nameless = f"(record {number})"
    sku = ""
    try:
        says = Says(_whole(place), field_map)
        external_id = says.required("id")
        product_id = says.text("product_id") or external_id
        sku = says.text("sku")
        if says.truth("is_deleted", default=False):
            return Read(external_id, product_id, None)
        return Read(external_id, product_id, _product(says, external_id, product_id, sku))
    except FieldFails as error:
        refused = Unmirrorable(
            external_id=external_id[:LONGEST_ID],
            product_external_id=product_id[:LONGEST_ID],
            sku=sku[:300],
            reason="record_unreadable",
            detail=str(error)[:500],
        )
        return Read(external_id, product_id, refused, is_named=external_id != nameless)


def _whole(place: Place | None) -> Place:
    if place is None:
        raise FieldFails("record", "It is no object.")
    return place


@dataclass(frozen=True)
class Says:
    """What a record says of each field; raises `FieldFails` with the field's name."""

    place: Place
    field_map: FieldMap

    def text(self, name: str) -> str:
        return str(self._made(name, self.field_map.fields.get(name), text_of))

    def required(self, name: str) -> str:
        if text := self.text(name):
            return text
        raise FieldFails(name, "It is empty.")

    def number(self, name: str) -> Any:
        return self._made(name, self.field_map.fields.get(name), amount_of)

    def count(self, name: str) -> int | None:
        found: int | None = self._made(name, self.field_map.fields.get(name), count_of)
        return found

    def truth(self, name: str, *, default: bool) -> bool:
        spec = self.field_map.fields.get(name)
        return default if spec is None else bool(self._made(name, spec, truth_of))

    def texts(self, name: str) -> list[str]:
        found = self._made(name, self.field_map.fields.get(name), list_of)
        return [text for each in found if (text := self._made(name, Spec(constant=each), text_of))]

    def table(self, name: str) -> dict[str, str]:
        specs = self.field_map.tables[name].items()
        found = {label: self._made(f"{name}.{label}", spec, text_of) for label, spec in specs}
        return {label: text for label, text in found.items() if text}

    def levels(self, levels: Levels) -> Iterator[StockAt]:
        for each in list_of(pick(self.place.record, levels.list)):
            if not isinstance(each, Mapping):
                raise FieldFails("levels", "A level is no object.")
            inner = Place(each)
            yield StockAt(
                location=_level(levels, "location", inner, text_of),
                on_hand=_level(levels, "on_hand", inner, count_of),
                reserved=_level(levels, "reserved", inner, count_of) or 0,
                incoming=_level(levels, "incoming", inner, count_of) or 0,
            )

    def _made(self, name: str, spec: Spec | None, made: Any) -> Any:
        try:
            return made(value_of(spec, self.place))
        except (Unreadable, ArithmeticError) as error:
            raise FieldFails(name, str(error)) from error


def _level(levels: Levels, name: str, place: Place, made: Any) -> Any:
    try:
        return made(value_of(levels.fields.get(name), place))
    except (Unreadable, ArithmeticError) as error:
        raise FieldFails(f"levels.{name}", str(error)) from error


def _product(says: Says, external_id: str, product_id: str, sku: str) -> ProductRecord:
    name = says.text("name")
    return ProductRecord(
        external_id=product_id,
        code=says.text("product_code") or (product_id if product_id != external_id else sku),
        name=says.text("product_name") or name,
        url=says.text("url"),
        brand=_brand(says),
        category_external_ids=tuple(
            dict.fromkeys(paths[-1].external_id for paths in categories_of(says) if paths)
        ),
        variants=(
            VariantRecord(
                external_id=external_id,
                content=_content(says, sku, name),
                price=Price(
                    list_price=says.number("list_price"), sale_price=says.number("sale_price")
                ),
                stock=_stock(says),
            ),
        ),
    )


def _content(says: Says, sku: str, name: str) -> Content:
    weight = says.number("weight")
    return Content(
        sku=sku,
        is_published=says.truth("is_published", default=True),
        name=name,
        options=says.table("options"),
        attributes=says.table("attributes"),
        description=says.text("description"),
        images=tuple(Image(url=url, alt="") for url in dict.fromkeys(says.texts("images"))),
        gtin=says.text("gtin") or None,
        weight=Weight(value=f"{weight:f}", unit=says.text("weight_unit") or "kg")
        if weight
        else None,
    )


def _brand(says: Says) -> BrandRecord | None:
    name = says.text("brand")
    if not name:
        return None
    slug = slugify(name) or _digest(name)
    return BrandRecord(external_id=says.text("brand_id") or slug[:LONGEST_ID], slug=slug, name=name)


def categories_of(says: Says) -> list[list[CategoryRecord]]:
    """Return each category of a record, from its root down."""
    between = says.field_map.category_levels
    found = []
    for text in says.texts("categories"):
        names = [each.strip() for each in text.split(between)] if between else [text]
        found.append(_line([name for name in names if name]))
    return found


def _line(names: Sequence[str]) -> list[CategoryRecord]:
    ids = [_category_id(names[: depth + 1]) for depth in range(len(names))]
    return [
        CategoryRecord(
            external_id=ids[depth],
            parent_external_id=ids[depth - 1] if depth else None,
            slug=slugify(name) or ids[depth],
            name=name,
        )
        for depth, name in enumerate(names)
    ]


def _category_id(names: Sequence[str]) -> str:
    path = " > ".join(names)
    return path if len(path) <= LONGEST_ID else _digest(_PATH.join(names))


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def _stock(says: Says) -> Stock:
    levels = says.field_map.levels
    at = (
        tuple(says.levels(levels))
        if levels
        else (
            StockAt(
                on_hand=says.count("on_hand"),
                reserved=says.count("reserved") or 0,
                incoming=says.count("incoming") or 0,
            ),
        )
    ) or (StockAt(on_hand=0),)
    counted = Stock(status="in_stock", levels=at)
    return Stock(status=_status(says, counted), levels=at)


def _status(says: Says, counted: Stock) -> StockStatus:
    """Return the status that the feed tells, or what follows from the count; uncounted is in stock."""
    told = says.text("status")
    if not told:
        return "out_of_stock" if counted.available == 0 else "in_stock"
    for status in _STATUSES:
        if told == status:
            return status
    raise FieldFails("status", f"It reads {told[:60]!r}; a `map` makes it one of {_STATUSES}.")


def explained(place: Place | None, field_map: FieldMap) -> Iterator[tuple[str, str, str]]:
    """Yield each field of the map with what was found, or what is wrong with it."""
    if place is None:
        yield "record", "", "It is no object."
        return
    says = Says(place, field_map)
    for name, spec in field_map.fields.items():
        yield name, *_told(lambda name=name: _readers(says)[name](), spec, name)
    for table, specs in field_map.tables.items():
        for label, spec in specs.items():
            yield f"{table}.{label}", *_told(lambda spec=spec: value_of(spec, place), spec, "")


def _readers(says: Says) -> dict[str, Any]:
    return {
        **{name: lambda name=name: says.text(name) for name in maps.TEXTS},
        **{name: lambda name=name: says.number(name) for name in maps.NUMBERS},
        **{name: lambda name=name: says.truth(name, default=False) for name in maps.TRUTHS},
        **{name: lambda name=name: says.texts(name) for name in maps.LISTS},
    }


def _told(reads: Any, spec: Spec, name: str) -> tuple[str, str]:
    try:
        value = reads()
    except (FieldFails, Unreadable, ArithmeticError) as error:
        return "", f"{error} (from {spec.told})"
    if name in maps.REQUIRED and is_nothing(value):
        return "", f"{name}: there is nothing at {spec.told}"
    return f"{str(value)[:80]!r} (from {spec.told})", ""
