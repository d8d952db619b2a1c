"""What every partner request goes through: admission, one snapshot, an answer, the log."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple

import psycopg
import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    OperationalError,
    connection,
)
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from apikeys.addresses import client_address
from apikeys.admission import Admission, admit, admit_then, complete
from apikeys.keys import PresentedKey
from apikeys.models import KeyTerms, Scope
from apikeys.presenting import KEY_IN_URL, TWO_AUTHORIZATIONS, presented
from contract import replicas
from contract.encodings import compressed
from contract.etags import NO_DIGEST, Tag, Tags, Watched, digest_of, is_unchanged
from contract.problems import (
    Problem,
    method_not_allowed,
    no_sandbox,
    problem_response,
    unavailable,
)
from contract.retirements import Retirement
from contract.snapshots import (
    COMMIT,
    ContractInactive,
    Opened,
    Snapshot,
    opening_for,
    snapshot_for,
)
from customers.models import SANDBOX
from groundwork.correlation import correlation_id

log = structlog.get_logger(__name__)

_WINDOW = 60  # seconds
# Kept by nobody but the partner, and asked for again each time: with a tag that costs little.
_KEEPING = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Encoding"}


class Said(NamedTuple):
    """A list's body, what of it does not change by itself, and headers of its own."""

    body: bytes
    content: bytes
    headers: Mapping[str, str]


class PartnerView(APIView):
    """An endpoint for partners. `route` is its name in the log.

    Answers are built as bytes, so nothing of DRF runs but the description for OpenAPI: negotiation,
    authentication and throttling happen in one statement (`apikeys.admission`).
    """

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django declares it
    route = ""
    retirement: Retirement | None = None
    scope = Scope.CATALOGUE.value  # what a key with scopes needs to come in here; empty for nothing
    takes_test_keys = True
    admission: Admission
    answered: HttpResponse
    revision: int
    started: float
    opened: Opened | None = None
    # What the primary had at the admission, where a replica may be read instead; such a read may lag.
    may_lag = True
    primary: replicas.Primary | None = None
    is_logged = False

    @property
    def customer_id(self) -> int:
        """Whom the caller reads as; known once admission has not refused."""
        reader = _reader(self.admission)
        if reader is None:
            raise RuntimeError("A refused request reached its view.")
        return reader

    @contextmanager
    def snapshot(
        self,
        not_before: datetime | None = None,
        *,
        at_least: int = 0,
        named: datetime | None = None,
    ) -> Iterator[Snapshot]:
        """Read as the caller, nothing older than this instant and this revision.

        `named` is an instant of an earlier answer: a standby that is not so far is not asked about it.
        On the primary the end of the transaction and of the log's row are one round trip.
        """
        opened, self.opened = self.opened, None
        if self.primary:
            opened = replicas.opened_for(
                self.customer_id,
                self.primary,
                not_before=max(filter(None, (not_before, named)), default=None),
                at_least=at_least,
            )
        end = None if opened and opened.using != DEFAULT_DB_ALIAS else self._end
        with snapshot_for(
            self.customer_id, not_before=not_before, opened=opened, end=end
        ) as snapshot:
            self.revision = snapshot.revision
            yield snapshot

    def answer(self, body: bytes, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Return a body that was built from the snapshot."""
        packed = compressed(body, self.request.headers.get("Accept-Encoding", ""))
        encoding = {"Content-Encoding": "gzip"} if packed is not None else {}
        self.answered = HttpResponse(
            body if packed is None else packed,
            content_type="application/json",
            headers={"X-Revision": str(self.revision), **_KEEPING, **encoding, **(headers or {})},
        )
        return self.answered

    def listed(
        self, request: HttpRequest, watched: Watched, said: Callable[[Snapshot], Said]
    ) -> HttpResponse:
        """Return a list with its tag, or 304 where the partner's tag says that it has it already."""
        tags = Tags(self.customer_id, self.route, request.META.get("QUERY_STRING", ""))
        tag = tags.newest_of(request.headers.get("If-None-Match", ""))
        since = (tag.mark.at, tag.mark.revision) if tag else (None, 0)
        with self.snapshot(since[0], at_least=since[1]) as snapshot:
            if tag and is_unchanged(snapshot, tag, watched):
                return self._not_modified(tag)
            answer = said(snapshot)
            digest = digest_of(answer.content) if watched.by_content else NO_DIGEST
            if tag and watched.by_content and tag.digest == digest:
                return self._not_modified(tag)
            return self.answer(answer.body, {"ETag": tags.of(snapshot, digest), **answer.headers})

    def _not_modified(self, tag: Tag) -> HttpResponse:
        self.answered = HttpResponse(
            status=304, headers={"ETag": tag.text, "X-Revision": str(self.revision), **_KEEPING}
        )
        del self.answered.headers["Content-Type"]  # it has no content
        return self.answered

    def _end(self) -> None:
        self.is_logged = self._log_safely(self.answered, first=COMMIT)

    def dispatch(self, request: HttpRequest, *_: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = perf_counter()
        try:
            self.admission, self.opened, self.primary = _admitted(
                request, self.route, may_lag=self.may_lag
            )
        except (DatabaseError, InterfaceError):
            log.exception("admission_failed")
            connection.close()
            return problem_response(unavailable())
        if self.opened and self.admission.outcome != "refused":
            # Known already, so refusals tell it too; not to whom it would say that a key exists.
            self.revision = self.opened.row[0]
        response = self._answered(request, **kwargs)
        if not self.is_logged:
            self._log_safely(response, first=COMMIT if self.opened else "")
        return response

    def _answered(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            _refuse(self.admission, self.scope, takes_test_keys=self.takes_test_keys)
            response = self._handled_somewhere(request, **kwargs)
        except Problem as problem:
            response = problem_response(problem)
        except ContractInactive as inactive:
            self.revision = inactive.revision
            response = problem_response(_no_view(self.admission))
        except SuspiciousOperation:
            # Django reads no more than a thousand parameters.
            response = problem_response(Problem(400, "invalid_request", "It cannot be read."))
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            log.exception("database_lost", route=self.route)
            connection.close()
            response = problem_response(unavailable())
        except Exception:
            log.exception("request_failed", route=self.route)
            response = problem_response(
                Problem(500, "internal_error", "Try again. If it stays so, name the request id.")
            )
        for name, value in _limit_headers(self.admission).items():
            response.headers.setdefault(name, value)
        if hasattr(self, "revision"):
            response.headers.setdefault("X-Revision", str(self.revision))
        if self.retirement:
            _add_headers(response, self.retirement.headers())
        return response

    def _handled_somewhere(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Handle it; where a replica fails at it, once more by the primary: nothing was written."""
        try:
            return self._handled(request, **kwargs)
        except (DatabaseError, InterfaceError, psycopg.Error):
            if not self.primary:
                raise
            log.warning("replica_failed", route=self.route, exc_info=True)
            replicas.rest()
            self.primary = None
            return self._handled(request, **kwargs)

    def _handled(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        method = (request.method or "").lower()
        if method not in self.http_method_names:
            raise method_not_allowed(self.http_method_names)
        response: HttpResponse = getattr(self, method)(request, **kwargs)
        return response

    def _log(self, response: HttpResponse, *, first: str = "") -> None:
        complete(
            self.admission,
            status=response.status_code,
            milliseconds=(perf_counter() - self.started) * 1000,
            bytes_sent=0 if self.request.method == "HEAD" else len(response.content),
            first=first,
        )

    def _log_safely(self, response: HttpResponse, *, first: str = "") -> bool:
        """Complete the log's row; where that fails, the partner gets its answer all the same."""
        try:
            self._log(response, first=first)
        except (DatabaseError, InterfaceError):
            log.exception("log_not_completed")
            connection.close()
            return False
        return True


# Whom each key that was admitted reads as: it never changes. With it the snapshot is opened in the
# round trip of the admission; whose key it is, the admission tells.
_customer_of: dict[str, int] = {}


def _reader(admission: Admission) -> int | None:
    """Return whose view a request is answered from: with a test key it is the sandbox's."""
    is_test = admission.mode == KeyTerms.Mode.TEST
    return SANDBOX if is_test else admission.customer_id


# The admission, a snapshot opened along with it, and what the primary had where a replica is to be read.
_Admitted = tuple[Admission, Opened | None, replicas.Primary | None]


def _admitted(request: HttpRequest, route: str, *, may_lag: bool) -> _Admitted:
    key, fault = presented(request)
    try:
        return _admit(key, fault, request, route, may_lag=may_lag)
    except DatabaseError as error:
        if not _connection_was_lost(error):
            raise
        # The database was restarted under a kept connection; a new one may do. Nothing was written.
        connection.close()
        return _admit(key, fault, request, route, may_lag=may_lag)


def _connection_was_lost(error: DatabaseError) -> bool:
    lost = isinstance(error.__cause__, psycopg.OperationalError)
    return lost and (connection.connection is None or connection.connection.closed)


def _admit(
    key: PresentedKey | None, fault: str, request: HttpRequest, route: str, *, may_lag: bool
) -> _Admitted:
    caller = {
        "method": (request.method or "")[:8],
        "route": route,
        "correlation_id": correlation_id(),
        "address": client_address(request),
    }
    if key and not fault and may_lag and replicas.are_there():
        admission, row = admit_then(replicas.PRIMARY, {}, key, **caller)
        return admission, None, replicas.Primary(*row)
    opening = opening_for(_customer_of.get(key.public_id)) if key and not fault else None
    if key and opening:
        admission, row = admit_then(opening.sql, opening.params, key, **caller)
        return admission, Opened(opening.kept, row), None
    admission = admit(key, fault=fault, **caller)
    reader = _reader(admission)
    if key and reader is not None:
        _customer_of[key.public_id] = reader
    return admission, None, None


def _no_view(admission: Admission) -> Problem:
    """Return why there is nothing to read from: no contract of the caller's, or no sandbox yet."""
    if _reader(admission) == SANDBOX:
        return no_sandbox()
    return Problem(403, "contract_inactive", "No contract of yours is in force at this time.")


def _refuse(admission: Admission, scope: str, *, takes_test_keys: bool) -> None:
    """Raise the problem of a request that is not admitted, or not for what it asks."""
    if admission.outcome == "faulty":
        raise Problem(400, admission.fault, _FAULTS[admission.fault])
    if admission.outcome == "refused":
        raise Problem(
            401,
            "key_refused",
            "Send a valid key: `Authorization: Bearer tc_live_...`.",
            headers={"WWW-Authenticate": 'Bearer realm="tradecounter"'},
        )
    if admission.outcome == "outside":
        raise Problem(403, "network_not_allowed", "This key may not be used from this address.")
    if admission.outcome in ("limited", "barred"):
        raise _too_many(admission)
    if not takes_test_keys and _reader(admission) == SANDBOX:
        raise Problem(403, "live_key_needed", "The sandbox has no webhooks. Use a live key.")
    if admission.scopes and scope and scope not in admission.scopes:
        raise Problem(403, "scope_missing", f"This key is not for `{scope}`.")


_FAULTS = {
    TWO_AUTHORIZATIONS: "Send one `Authorization` header, with one key.",
    KEY_IN_URL: "Send the key in the `Authorization` header alone. What stands in an address ends in logs: "
    "ask for another key in place of this one.",
}


def _too_many(admission: Admission) -> Problem:
    wait = str(max(1, int(admission.wait_seconds or 0) + 1))
    if admission.outcome == "barred":
        code, what = "too_many_failures", "Too many requests without a valid key came from here."
    else:
        code = "rate_limited"
        what = f"At most {admission.quota} requests in any {_WINDOW} seconds."
    return Problem(429, code, f"{what} Try again in {wait} s.", headers={"Retry-After": wait})


def _limit_headers(admission: Admission) -> dict[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers."""
    if admission.quota is None:
        return {}
    wait = int(admission.wait_seconds or 0) + 1 if not admission.remaining else _WINDOW
    return {
        "RateLimit-Policy": f'"key";q={admission.quota};w={_WINDOW}',
        "RateLimit": f'"key";r={admission.remaining};t={wait}',
    }


def _add_headers(response: HttpResponse, headers: Mapping[str, str]) -> None:
    """Add headers; where one is there already (`Link`), to it."""
    for name, value in headers.items():
        before = response.headers.get(name)
        response.headers[name] = f"{before}, {value}" if before else value
