"""How a request presents its key: in one Authorization header, and nowhere else."""

from urllib.parse import unquote_plus

from django.http import HttpRequest

from apikeys.keys import PresentedKey, found_in, parsed

KEY_IN_URL, TWO_AUTHORIZATIONS = "key_in_url", "two_authorizations"


def presented(request: HttpRequest) -> tuple[PresentedKey | None, str]:
    """Return the well-formed key of a request, if there is one, and what is wrong with how it came.

    Whether the key exists is not known yet; nothing is asked of the database.
    """
    if exposed := _in_address(request):
        return exposed, KEY_IN_URL
    given = request.META.get("HTTP_AUTHORIZATION", "")
    if "," in given:  # the server joins several by a comma, which no key holds
        return None, TWO_AUTHORIZATIONS
    scheme, _, text = given.partition(" ")
    return (parsed(text.strip()) if scheme.lower() == "bearer" else None), ""


def _in_address(request: HttpRequest) -> PresentedKey | None:
    query = unquote_plus(request.META.get("QUERY_STRING", ""))
    if "tc_" not in query and "tc_" not in request.path_info:
        return None
    return found_in(f"{request.path_info} {query}")
