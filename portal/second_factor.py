"""The second factor of staff, and the only writer of its tables: an app's code, or one of the spares."""

from dataclasses import dataclass
from typing import Any

import segno
from django.conf import settings
from django.db import transaction
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from groundwork import audit

SPARE_CODES = 8
_DIGITS = 6


@dataclass(frozen=True)
class Offer:
    """An app to be: its secret as a picture to scan, and as text for who cannot."""

    device: TOTPDevice
    picture: str
    secret: str


def is_let_in(user: Any) -> bool:
    """Tell whether somebody signed in far enough: with the second factor, where it is asked for."""
    return not settings.STAFF_TWO_FACTOR or bool(user.is_verified())


def has_one(user: Any) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def accepted(user: Any, code: str) -> Any:
    """Return the device that accepts a code, None where none does; each code is good once.

    Six digits are the app's, anything else a spare code's: a wrong one slows down its own kind alone.
    """
    code = "".join(code.split()).lower()
    kind = TOTPDevice if code.isdecimal() and len(code) == _DIGITS else StaticDevice
    with transaction.atomic():
        device = kind.objects.select_for_update().filter(user=user, confirmed=True).first()
        return device if device is not None and device.verify_token(code) else None


def offered(user: Any) -> Offer:
    """Return the app that a user is about to set up; asked again it is the same one."""
    device, _ = TOTPDevice.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": "App"}
    )
    picture = segno.make(device.config_url).svg_inline(scale=5, border=2, light="#ffffff")
    secret = device.config_url.partition("secret=")[2].partition("&")[0]
    return Offer(device, picture, secret)


def set_up(user: Any, code: str) -> tuple[TOTPDevice, list[str]] | None:
    """Confirm the app that shows `code`; return it and the spare codes, which are shown once."""
    device = offered(user).device
    with transaction.atomic():
        if has_one(user) or not device.verify_token(code):
            return None
        device.confirmed = True
        device.save()
        codes = _spare_codes(user)
        name = user.get_username()
        audit.record(name, action="second_factor.set_up", subject=name)
    return device, codes


def take_away(user: Any, *, actor: str) -> bool:
    """Forget the second factor of somebody whose phone is lost; return whether there was one."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        count, _ = TOTPDevice.objects.filter(user=user).delete()
        if count:
            audit.record(actor, action="second_factor.taken_away", subject=user.get_username())
    return bool(count)


def _spare_codes(user: Any) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="Spare codes")
    codes = [StaticToken.random_token() for _ in range(SPARE_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes
