"""Foreign keys name models by string, which no linter of imports sees; Django knows them."""

from collections.abc import Iterable

from django.db.models import Model

# Upper rooms first; a room may point at its own tables and at those of rooms below.
LAYERS = [
    {"portal"},
    {"sync", "outbound_hooks"},
    {"contract"},
    {"pricing", "apikeys"},
    {"customers"},
    {"catalog_mirror"},
    {"groundwork"},
]
_LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
# `sync` may not know them, though they lie below it.
_BLIND = {"sync": {"contract", "pricing", "apikeys", "customers"}}


def wrong_foreign_keys(models: Iterable[type[Model]]) -> list[str]:
    """Return the relations that point up, sideways, or where the room may not look."""
    return [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in models
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and field.related_model
        if not _may(model._meta.app_label, field.related_model._meta.app_label)
    ]


def _may(room: str, other: str) -> bool:
    if room == other or room not in _LEVEL:
        return True
    if other not in _LEVEL:
        return other in ("auth", "contenttypes")
    return _LEVEL[other] > _LEVEL[room] and other not in _BLIND.get(room, ())
