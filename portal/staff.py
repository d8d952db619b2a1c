"""What staff may do, by group; a group is made by a migration and given on a person's page."""

VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"
_KEEP = (VIEW, ADD, CHANGE)

_Rights = dict[str, dict[str, tuple[str, ...]]]

_MIRROR: _Rights = {
    "catalog_mirror": dict.fromkeys(
        (
            "source",
            "brand",
            "category",
            "product",
            "variant",
            "stocklevel",
            "quarantinedrecord",
            "heldchange",
            "brakerelease",
            "revision",
        ),
        (VIEW,),
    ),
    "sync": dict.fromkeys(("connection", "sweeprun", "driftcorrection"), (VIEW,)),
}
_WATCHED: _Rights = {
    "groundwork": {"alarm": (VIEW,), "auditentry": (VIEW,)},
    "apikeys": dict.fromkeys(
        (
            "apikey",
            "claimlink",
            "customerlimit",
            "requestlog",
            "refusedstrangers",
            "usagehour",
            "keynetwork",
            "suspicion",
            "expirynotice",
        ),
        (VIEW,),
    ),
    "outbound_hooks": dict.fromkeys(("endpoint", "delivery", "attempt"), (VIEW,)),
    "customers": dict.fromkeys(
        (
            "tier",
            "customer",
            "customerterms",
            "visibilityrule",
            "visibilitytemplate",
            "visibilitytemplateline",
            "application",
        ),
        (VIEW,),
    ),
    "pricing": dict.fromkeys(("pricerule", "orderrule", "orderminimum"), (VIEW,)),
}
_ACCOUNTS: _Rights = {
    "customers": {
        "tier": _KEEP,
        "customer": _KEEP,
        "customerterms": _KEEP,
        "visibilityrule": _KEEP,
        "visibilitytemplate": (*_KEEP, DELETE),
        "visibilitytemplateline": (*_KEEP, DELETE),
        "application": (VIEW, CHANGE),
    },
    "pricing": dict.fromkeys(("pricerule", "orderrule", "orderminimum"), _KEEP),
    "apikeys": {"apikey": _KEEP, "customerlimit": (*_KEEP, DELETE)},
    "outbound_hooks": {"endpoint": _KEEP, "delivery": (VIEW, CHANGE)},
}
_OPERATION: _Rights = {
    "catalog_mirror": {"brakerelease": (VIEW, ADD)},
    "sync": {
        "inboundevent": (VIEW, "replay"),
        "refuseddelivery": (VIEW,),
    },
    "apikeys": {"apikey": (VIEW, CHANGE)},
    "outbound_hooks": {"endpoint": (VIEW, CHANGE), "delivery": (VIEW, CHANGE)},
}
_STAFF: _Rights = {"auth": {"user": _KEEP, "group": (VIEW,)}}

_PARTS: dict[str, tuple[_Rights, ...]] = {
    "Catalogue viewer": (_MIRROR,),
    "Account manager": (_MIRROR, _WATCHED, _ACCOUNTS),
    "Operator": (_MIRROR, _WATCHED, _OPERATION),
    "Administrator": (_MIRROR, _WATCHED, _OPERATION, _ACCOUNTS, _STAFF),
}
GROUPS = tuple(_PARTS)


def permissions_of(group: str) -> set[tuple[str, str]]:
    """Return what a group may do, as pairs of app and codename."""
    return {
        (app, f"{verb}_{model}")
        for part in _PARTS[group]
        for app, models in part.items()
        for model, verbs in models.items()
        for verb in verbs
    }
