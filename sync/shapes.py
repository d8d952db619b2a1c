"""What becomes of a shop's answer that is of another shape than its kind's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sync.http import ShopAnswersNonsense

_ODD = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)


@contextmanager
def as_sent_by(kind: str) -> Iterator[None]:
    """Tell a field that is missing or of another kind as the shop's fault, in one line."""
    try:
        yield
    except _ODD as error:
        raise ShopAnswersNonsense(
            f"The shop's answer is not what {kind} sends: a field is missing or of the wrong kind "
            f"({type(error).__name__}: {str(error)[:100]}). Look for a plugin or a proxy that changes "
            "its answers, then try again."
        ) from error
