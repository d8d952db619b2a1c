"""Compression of answers.

BREACH needs a page that a browser loads with a victim's cookies, a secret in its body, and text of the
attacker's beside it. A key is sent by the partner's own program only, and no answer holds one.
"""

import gzip

# Below it the header costs more than is gained.
_LEAST = 1_400
# Level 1 takes off four fifths of a page at 1 ms for 100 KB; level 6 takes twice the time for a tenth more.
_LEVEL = 1


def takes_gzip(accepted: str) -> bool:
    """Tell whether an `Accept-Encoding` names gzip and does not weigh it with nothing."""
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def compressed(body: bytes, accepted: str) -> bytes | None:
    """Return the body in gzip; None where it is not asked for, or does not pay."""
    if len(body) < _LEAST or not takes_gzip(accepted):
        return None
    return gzip.compress(body, _LEVEL, mtime=0)
