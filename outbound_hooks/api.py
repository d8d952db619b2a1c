"""The doors of /v1/webhooks: a partner's endpoints, what was sent to them, and once more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse

from apikeys.models import Scope
from contract.delta import latest_page
from contract.parameters import limit_of, refuse_unknown, single
from contract.partner_view import PartnerView
from contract.problems import Problem, bad_parameter, not_found
from contract.snapshots import Snapshot, snapshot_for
from outbound_hooks import endpoints
from outbound_hooks import serializers as shapes
from outbound_hooks.addresses import AddressRefused
from outbound_hooks.endpoints import EndpointRefused
from outbound_hooks.models import FACETS, Delivery, Endpoint
from outbound_hooks.operations import described
from outbound_hooks.pings import is_pinging, pinged
from outbound_hooks.questions import endpoint_changed, endpoint_wanted, nothing, replay_wanted
from outbound_hooks.reading import deliveries_page, endpoint_json, endpoint_rows
from outbound_hooks.replays import chosen, replay

_ROUTE = "/v1/webhooks"
_MOST_DELIVERIES = 100


class WebhookView(PartnerView):
    """What the routes below share: the scope they need, and how they read and write."""

    scope = Scope.WEBHOOKS.value
    takes_test_keys = False  # no one would hear: nothing in the sandbox changes
    may_lag = False  # what was just registered is read back

    @property
    def actor(self) -> str:
        return f"customer {self.customer_id}"

    def said(self, body: object, *, status: int = 200) -> HttpResponse:
        """Return an answer that nobody keeps: it may hold a secret."""
        return HttpResponse(
            orjson.dumps(body, option=orjson.OPT_UTC_Z),
            status=status,
            content_type="application/json",
            headers={"Cache-Control": "no-store", "X-Revision": str(self.revision)},
        )

    @contextmanager
    def as_customer(self) -> Iterator[Snapshot]:
        """Read as the caller, before something is written as ourselves; a contract must hold."""
        opened, self.opened = self.opened, None
        with snapshot_for(self.customer_id, opened=opened) as snapshot:
            self.revision = snapshot.revision
            yield snapshot

    def endpoint(self, public_id: str) -> Endpoint:
        """Return the caller's endpoint; another's is not found."""
        with self.as_customer() as snapshot:
            rows = endpoint_rows(snapshot, public_id)
        if not rows:
            raise _no_such_endpoint()
        return Endpoint.objects.get(pk=rows[0][0], customer=self.customer_id)

    def shown(self, endpoint: Endpoint, **more: Any) -> dict[str, Any]:
        with self.as_customer() as snapshot:
            return {**endpoint_json(endpoint_rows(snapshot, endpoint.public_id)[0]), **more}


class Webhooks(WebhookView):
    """Your endpoints."""

    route = _ROUTE
    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - as Django declares it

    @described("list_webhooks", shapes.WebhookList)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        with self.as_customer() as snapshot:
            data = [endpoint_json(row) for row in endpoint_rows(snapshot)]
        return self.said({"data": data})

    @described(
        "create_webhook", shapes.WebhookMade, 413, 422, status=201, body=shapes.WebhookWanted
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = endpoint_wanted(request)
        with self.as_customer() as snapshot:
            cursor = latest_page(snapshot, tuple(wanted.get("facets", FACETS))).cursor
        with _refusals():
            made, secret = endpoints.add(
                self.customer_id, actor=self.actor, cursor=cursor, **wanted
            )
        return self.said(self.shown(made, secret=secret), status=201)


class WebhookDetail(WebhookView):
    """One endpoint."""

    route = f"{_ROUTE}/{{id}}"
    http_method_names = ["get", "head", "patch", "delete"]  # noqa: RUF012

    @described("get_webhook", shapes.Webhook, 404)
    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        refuse_unknown(request.GET, ())
        return self.said(self.shown(self.endpoint(public_id)))

    @described("change_webhook", shapes.Webhook, 404, 413, 422, body=shapes.WebhookChange)
    def patch(self, request: HttpRequest, public_id: str) -> HttpResponse:
        changed = endpoint_changed(request)
        endpoint = self.endpoint(public_id)
        if changed:
            with _refusals():
                endpoints.change(endpoint, actor=self.actor, **changed)
        return self.said(self.shown(endpoint))

    @described("remove_webhook", None, 404, status=204)
    def delete(self, request: HttpRequest, public_id: str) -> HttpResponse:  # noqa: ARG002
        endpoints.remove(self.endpoint(public_id), actor=self.actor)
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


class WebhookAct(WebhookView):
    """Something that is done with an endpoint."""

    http_method_names = ["post"]  # noqa: RUF012


class WebhookPing(WebhookAct):
    """Send a test message and see what your receiver answers."""

    route = f"{_ROUTE}/{{id}}/ping"

    @described("ping_webhook", shapes.WebhookPing, 404, 413, 422, asks_nothing=True)
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        nothing(request)
        endpoint = self.endpoint(public_id)
        if is_pinging(self.customer_id):
            raise Problem(422, "endpoint_refused", "A ping is under way. Wait for its answer.")
        message_id, answer = pinged(endpoint)
        return self.said(
            {
                "id": message_id,
                "status": answer.status,
                "error": answer.error or None,
                "answer": answer.text,
                "milliseconds": answer.milliseconds,
            }
        )


class WebhookRotate(WebhookAct):
    """Get a new secret; the old one signs beside it for 24 hours."""

    route = f"{_ROUTE}/{{id}}/rotate"

    @described("rotate_webhook", shapes.WebhookSecret, 404, 413, asks_nothing=True)
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        nothing(request)
        endpoint = self.endpoint(public_id)
        secret = endpoints.rotate(endpoint, actor=self.actor)
        until = self.shown(endpoint)["old_secret_until"]
        return self.said({"secret": secret, "old_secret_until": until})


class WebhookEnable(WebhookAct):
    """Hear again, beginning with what changed since it was disabled."""

    route = f"{_ROUTE}/{{id}}/enable"

    @described("enable_webhook", shapes.Webhook, 404, 413, 422, asks_nothing=True)
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        nothing(request)
        endpoint = self.endpoint(public_id)
        if endpoint.is_barred:
            raise Problem(422, "endpoint_refused", "Your supplier disabled it: ask there.")
        with _refusals():
            endpoints.enable(endpoint, actor=self.actor)
        return self.said(self.shown(endpoint))


class WebhookDisable(WebhookAct):
    """Hear nothing for now."""

    route = f"{_ROUTE}/{{id}}/disable"

    @described("disable_webhook", shapes.Webhook, 404, 413, asks_nothing=True)
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        nothing(request)
        endpoint = self.endpoint(public_id)
        endpoints.disable(endpoint, actor=self.actor, reason="You disabled it.")
        return self.said(self.shown(endpoint))


class WebhookDeliveries(WebhookView):
    """What was sent to an endpoint in the last 30 days, with every attempt."""

    route = f"{_ROUTE}/{{id}}/deliveries"

    @described("list_deliveries", shapes.WebhookDeliveryList, 404, lists=True)
    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        refuse_unknown(request.GET, ("status", "limit", "cursor"))
        status, cursor = single(request.GET, "status"), single(request.GET, "cursor")
        if status not in (None, *Delivery.Status.values):
            raise bad_parameter("status", f"One of {', '.join(Delivery.Status.values)}.")
        limit = limit_of(request.GET, default=50, most=_MOST_DELIVERIES)
        with self.snapshot() as snapshot:
            rows = endpoint_rows(snapshot, public_id)
            if not rows:
                raise _no_such_endpoint()
            return self.answer(
                deliveries_page(snapshot, rows[0], status=status, limit=limit, cursor=cursor)
            )


class WebhookReplay(WebhookAct):
    """Be told once more: what those SKUs are now."""

    route = f"{_ROUTE}/{{id}}/replay"

    @described("replay_webhook", shapes.Replayed, 404, 413, 422, body=shapes.ReplayWanted)
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        wanted = replay_wanted(request)
        endpoint = self.endpoint(public_id)
        if wanted.delivery is not None:
            told = Delivery.objects.filter(endpoint=endpoint, message_id=wanted.delivery)
            if not told.exists():
                raise Problem(404, "not_found", "This endpoint has no such delivery.")
        else:
            told = chosen(
                endpoint, since=wanted.since, until=wanted.until, statuses=wanted.statuses
            )
        count, messages = replay(endpoint, told, actor=self.actor)
        return self.said({"deliveries": count, "messages": messages})


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except AddressRefused as refused:
        raise Problem(422, "url_refused", str(refused), parameter="url") from None
    except EndpointRefused as refused:
        raise Problem(422, "endpoint_refused", str(refused)) from None


def _no_such_endpoint() -> Problem:
    return not_found()
