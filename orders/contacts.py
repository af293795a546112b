"""What of a customer's contact can be trusted to tell two people apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from providers.events import CustomerInfo

_MASK = re.compile(r"[*•#]|[xX]{2,}")
_ONLY_MASK = re.compile(r"[\s*•#xX.\-_]*")
DUMMY_RUN = 7
"""A number that ends in this many equal digits is nobody's."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's contact, ready to store. A key is None where the value must not merge people."""

    name: str
    phone: str
    phone_access_code: str
    email: str
    phone_key: str | None
    email_key: str | None


def is_blank(info: CustomerInfo | None) -> bool:
    """Tell whether name, phone and e-mail are all blank, zero or masked."""
    return info is None or not (_tells_name(info.name) or _tells_phone(info.phone) or _tells_email(info.email))


def read_contact(info: CustomerInfo, country: str) -> Contact:
    """Return the contact with its phone as E.164 where it is valid, and its keys. ``country`` is ISO 3166."""
    phone = e164(info.phone, country)
    proxied = bool(info.phone_access_code)
    email = info.email.strip() if _tells_email(info.email) else ""
    return Contact(
        name=info.name if _tells_name(info.name) else "",
        phone=phone or (info.phone if _tells_phone(info.phone) or _MASK.search(info.phone) else ""),
        phone_access_code=info.phone_access_code,
        email=email,
        phone_key=phone if phone and not proxied and not _is_dummy(phone) else None,
        email_key=email.casefold() or None,
    )


def e164(phone: str, country: str) -> str:
    """Return a valid number as E.164: as given, with ``+`` before it, or in ``country``; ``""`` where it is none."""
    if not _tells_phone(phone):
        return ""
    # With the first number: its rules for every country are no small thing to load.
    import phonenumbers

    text = phone.strip()
    for number, region in ((text, None), (f"+{text}", None), (text, country)):
        if region is None and not number.startswith("+"):
            continue
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return ""


def mask_phone(phone: str) -> str:
    """Return a phone as people may see it who no longer need it: its last two digits."""
    return f"••••{phone[-2:]}" if len(phone) > 4 else ("••••" if phone else "")


def _is_dummy(phone: str) -> bool:
    return len(set(phone[-DUMMY_RUN:])) == 1


def _tells_name(name: str) -> bool:
    return not _ONLY_MASK.fullmatch(name)


def _tells_phone(phone: str) -> bool:
    digits = re.sub(r"\D", "", phone)
    return bool(digits.strip("0")) and not _MASK.search(phone)


def _tells_email(email: str) -> bool:
    return "@" in email and "*" not in email
