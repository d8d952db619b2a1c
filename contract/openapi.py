"""What the document of /v1 says that the shapes of its answers cannot."""

from typing import Any

from contract.operations import VALUE
from contract.pricing import LONGEST_SKU

_SCHEMAS = "#/components/schemas/"
_CUT = "ItemCut"


def finished(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say that questions are taken as described and no other way, and what `fields=` leaves of an item.

    A hook of drf-spectacular.
    """
    schemas = result["components"]["schemas"]
    for name in ("Wanted", "WantedLine"):
        schemas[name]["additionalProperties"] = False
    schemas["WantedLine"]["properties"]["sku"] = {**VALUE, "maxLength": LONGEST_SKU}
    cut = _without_required(schemas, schemas["Item"])
    cut["required"] = ["sku"]
    cut["description"] = "An item with the members that `fields` asks for."
    schemas[_CUT] = cut
    either = {"anyOf": [{"$ref": f"{_SCHEMAS}Item"}, {"$ref": _SCHEMAS + _CUT}]}
    schemas["ProductPage"]["properties"]["data"]["items"] = either
    answer = result["paths"]["/v1/products/{sku}"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = either
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _without_required(schemas: dict[str, Any], schema: Any) -> Any:
    """Return a schema with all it refers to, in which no member is required."""
    if isinstance(schema, list):
        return [_without_required(schemas, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _without_required(schemas, schemas[schema["$ref"].removeprefix(_SCHEMAS)])
    return {
        name: _without_required(schemas, each)
        for name, each in schema.items()
        if not (name == "required" and isinstance(each, list))
    }
