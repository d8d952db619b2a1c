"""`/v1` only grows: the document against the one of the last release, and every way to break it."""

from copy import deepcopy

import pytest
import yaml

from contract.additions import breaches
from tests.document import DOCUMENT, document

RELEASED = DOCUMENT.with_name("openapi_v1.released.yaml")


def test_the_document_only_grew_since_the_last_release():
    """At a release, copy the document over the released one."""
    assert breaches(yaml.load(RELEASED.read_text(), yaml.CSafeLoader), document()) == []


def schemas(made):
    return made["components"]["schemas"]


def changes(made):
    return made["paths"]["/v1/changes"]["get"]


def parameter(operation, name):
    return next(each for each in operation["parameters"] if each["name"] == name)


BREAKING = {
    "GET /v1/me is gone.": lambda d: d["paths"].pop("/v1/me"),
    "POST /v1/pricing is gone.": lambda d: d["paths"]["/v1/pricing"].pop("post"),
    "GET /v1/changes: the parameter facets is gone.": lambda d: changes(d)["parameters"].remove(
        parameter(changes(d), "facets")
    ),
    "GET /v1/changes: the parameter since is required now.": lambda d: parameter(
        changes(d), "since"
    ).update(required=True),
    "GET /v1/changes: the parameter more is required now.": lambda d: changes(d)[
        "parameters"
    ].append({"name": "more", "in": "query", "required": True, "schema": {}}),
    "GET /v1/changes: the parameter limit takes less than before: maximum is 400.": lambda d: (
        parameter(changes(d), "limit")["schema"].update(maximum=400)
    ),
    "GET /v1/changes: the parameter since takes less than before: maxLength is 9.": lambda d: (
        parameter(changes(d), "since")["schema"].update(maxLength=9)
    ),
    "GET /v1/changes: the parameter facets takes 'price' no more.": lambda d: parameter(
        changes(d), "facets"
    )["schema"]["items"]["enum"].remove("price"),
    "POST /v1/pricing: the body.items: quantity is required now.": lambda d: schemas(d)[
        "WantedLine"
    ]["required"].append("quantity"),
    "POST /v1/pricing: the body.items takes less than before: maxItems is 9.": lambda d: schemas(d)[
        "Wanted"
    ]["properties"]["items"].update(maxItems=9),
    "GET /v1/changes: the answer 410 is gone.": lambda d: changes(d)["responses"].pop("410"),
    "GET /v1/changes 410: application/problem+json is gone.": lambda d: changes(d)["responses"][
        "410"
    ]["content"].clear(),
    "GET /v1/me 200.customer: name is gone.": lambda d: schemas(d)["Named"]["properties"].pop(
        "name"
    ),
    "GET /v1/me 200: tier may be missing now.": lambda d: schemas(d)["Caller"]["required"].remove(
        "tier"
    ),
    "GET /v1/me 200.revision may be string now.": lambda d: schemas(d)["Caller"]["properties"][
        "revision"
    ].update(type="string"),
    "GET /v1/me 200.currency may be null now.": lambda d: schemas(d)["Caller"]["properties"][
        "currency"
    ].update(type=["string", "null"]),
    "GET /v1/products 200.data[].brand: slug is gone.": lambda d: schemas(d)["ItemBrand"][
        "properties"
    ].pop("slug"),
    "GET /v1/changes 200.data[].item.stock.on_hand may be string now.": lambda d: schemas(d)[
        "ItemStock"
    ]["properties"]["on_hand"].update(type=["string", "null"]),
}


@pytest.mark.parametrize("told", list(BREAKING))
def test_what_breaks_a_partner_is_told(told):
    broken = deepcopy(document())
    BREAKING[told](broken)
    assert told in breaches(document(), broken)


@pytest.mark.parametrize(
    "add",
    [
        lambda d: d["paths"].update({"/v1/orders": d["paths"]["/v1/me"]}),
        lambda d: changes(d)["parameters"].append({"name": "more", "in": "query", "schema": {}}),
        lambda d: parameter(changes(d), "limit")["schema"].update(maximum=1000),
        lambda d: parameter(changes(d), "facets")["schema"]["items"]["enum"].append("media"),
        lambda d: changes(d)["responses"].update({"409": changes(d)["responses"]["410"]}),
        lambda d: schemas(d)["Item"]["properties"].update(more={"type": "string"}),
        lambda d: schemas(d)["Item"]["required"].append("more"),
        lambda d: schemas(d)["WantedLine"]["properties"].update(note={"type": "string"}),
        lambda d: changes(d).update(deprecated=True, description="Else."),
    ],
)
def test_what_only_adds_is_fine(add):
    grown = deepcopy(document())
    add(grown)
    assert breaches(document(), grown) == []
