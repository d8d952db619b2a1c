"""An id of a request is the caller's where it may be, and never one that looks like ours."""

import re

from django.test import Client

from groundwork.correlation import made_at, new_correlation_id

OURS = re.compile("t[0-9a-f]{11}-[0-9a-f]{20}")


def answered(offered: str, database=None) -> str:
    return Client().get("/healthz", headers={"X-Request-Id": offered})["X-Request-Id"]


def test_an_id_that_a_partner_chose_is_kept(database):
    assert answered("0192f3a4-order.17_b") == "0192f3a4-order.17_b"


def test_an_id_of_our_shape_is_not_taken_from_outside(database):
    """It tells when it was made, and the log is looked through there alone."""
    for offered in ("t00000000001-aaaaaaaaaaaaaaaaaaaa", new_correlation_id()):
        given = answered(offered)
        assert given != offered
        assert OURS.fullmatch(given)


def test_an_id_of_ours_names_its_millisecond():
    assert (
        made_at("t0192f3a4b5c-00000000000000000000").isoformat()
        == "1973-06-05T22:15:31.932000+00:00"
    )
