"""What becomes of a delivery and of its endpoint after an attempt."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from outbound_hooks import deliveries, endpoints
from outbound_hooks.deliveries import Claimed, Completed
from outbound_hooks.models import Endpoint
from outbound_hooks.notices import tell_disabled
from outbound_hooks.schedule import GIVES_UP_AFTER, delay_after, rest_after, wish_of
from outbound_hooks.sender import Answer

_GONE = 410
_ACTOR = "deliveries"
_NOW = timedelta(0)


def noted(attempts: Iterable[tuple[Claimed, Answer]]) -> None:
    """Write down what came of attempts, for the deliveries first, then for their endpoints."""
    attempts = list(attempts)
    deliveries.complete([_completed(claimed, answer) for claimed, answer in attempts])
    well = {c.endpoint_id for c, answer in attempts if answer.is_success and c.was_failing}
    if well:
        endpoints.succeeded(sorted(well))
    for claimed, answer in attempts:
        if not answer.is_success:
            _failed(claimed, answer)


def _completed(claimed: Claimed, answer: Answer) -> Completed:
    if answer.is_success:
        return Completed(claimed, answer, "delivered", "", _NOW)
    if answer.status == _GONE:
        return Completed(claimed, answer, "dead", "The receiver says that it is gone.", _NOW)
    delay = delay_after(claimed.tries, wish_of(answer.retry_after, datetime.now(UTC)))
    if delay is None:
        reason = f"It failed {claimed.tries} times. {answer.error}"
        return Completed(claimed, answer, "dead", reason, _NOW)
    return Completed(claimed, answer, "pending", "", delay)


def _failed(claimed: Claimed, answer: Answer) -> None:
    failures, is_lasting = endpoints.failed(claimed.endpoint_id, gives_up_after=GIVES_UP_AFTER)
    if answer.status == _GONE:
        _disabled(claimed, "The receiver answered 410: it is gone for good.")
    elif is_lasting:
        _disabled(claimed, f"Every attempt failed for {GIVES_UP_AFTER.days} days.")
    elif during := rest_after(failures):
        endpoints.rest(claimed.endpoint_id, during=during)


def _disabled(claimed: Claimed, reason: str) -> None:
    endpoint = Endpoint.objects.filter(pk=claimed.endpoint_id).first()
    if endpoint:
        endpoints.disable(endpoint, actor=_ACTOR, reason=reason, needs_staff=True)
        tell_disabled(endpoint, reason)
