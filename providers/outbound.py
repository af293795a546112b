"""What goes back to a provider: an adapter builds the calls and judges the answers; it never makes them.

Plain Python like the rest of the adapters: no models, no clock, no network.
"""

from __future__ import annotations

import dataclasses
import email.utils
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from providers.events import FulfilledBy, OrderType, Status

ACKNOWLEDGE = "acknowledge"
"""The action of telling a provider that an order which it says was accepted has reached the kitchen's system."""
PREP_TIME = "prep_time"
"""The action of telling a provider another preparation time for an order that it knows as accepted."""
ASIDE = (ACKNOWLEDGE, PREP_TIME)
"""Actions that tell no status."""
DEFAULT_PREP_MINUTES = 15
"""What an acceptance promises where nobody named the minutes."""
FALLBACK_RETRY_S = 10
MAX_RETRY_AFTER_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """One HTTP request. ``secret_headers`` are never kept; ``hides_body`` keeps the body out of every record too."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    secret_headers: tuple[str, ...] = ("authorization",)
    hides_body: bool = False

    def with_headers(self, headers: Mapping[str, str], *, secret: Sequence[str] = ()) -> OutboundRequest:
        """Return the same request with more headers; names in ``secret`` join those that are never kept."""
        names = tuple(dict.fromkeys((*self.secret_headers, *(name.lower() for name in secret))))
        return dataclasses.replace(self, headers={**self.headers, **headers}, secret_headers=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundAnswer:
    """What came back. Header names are in lower case; ``body`` is what was read of it, a megabyte at most."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    is_cut: bool = False

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def document(self) -> Any:
        """Return the body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text_at(self, *names: str) -> str:
        """Return the first text at the top of a JSON object under one of the names, else ``""``."""
        document = self.document()
        values = [document.get(name) for name in names] if isinstance(document, dict) else []
        return next((value for value in values if isinstance(value, str) and value), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What a call needs to know of an order. ``action`` is the status to tell, or one of ``ASIDE``."""

    order_id: str
    provider: str
    external_id: str
    action: str
    previous_status: str = ""
    was_accepted: bool = False
    """Whether the order had been accepted before this, by us or on the provider's own tablet."""
    order_type: OrderType = OrderType.DELIVERY
    fulfilled_by: FulfilledBy = FulfilledBy.PROVIDER
    callback_urls: Mapping[str, str] = field(default_factory=dict)
    scheduled_for: datetime | None = None
    accept_by: datetime | None = None
    store_ids: tuple[str, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What made the order, for an adapter that ``wants_payload``; empty once its bytes are gone."""
    prep_minutes: int | None = None
    promised_at: datetime | None = None
    """For ``PREP_TIME``: when the acceptance promised that the order would be ready."""
    prep_changes: int = 0
    """For ``PREP_TIME``: how many other times were told before, or are about to be."""
    reason: str = ""
    """A code of the provider's table, or a person's own words."""
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """The requests that tell a status, in order: usually one. Authorization is added when they are sent."""

    requests: tuple[OutboundRequest, ...]


@dataclass(frozen=True, slots=True)
class NotSent:
    """This provider has no call for it, or must not be called; ``reason`` is one sentence for people."""

    reason: str


class Verdict(StrEnum):
    """What an answer means."""

    DONE = "done"
    RETRY = "retry"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 — a word, not a secret
    GONE = "gone"
    """The provider needs it no more: nothing is left to do, and nobody to be woken."""
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason, and for a retry how long to wait; None leaves that to the schedule."""

    verdict: Verdict
    reason: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class RejectReason:
    """Why a kitchen refuses an order, in the provider's code and in words for people."""

    code: str
    label: str
    after_acceptance: bool = True
    before_acceptance: bool = True


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a provider's API and its tokens are; without a trailing slash."""

    api: str
    auth: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """A company's access to a provider: where, and with which secrets. ``secrets`` holds current values alone."""

    hosts: Hosts
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A provider's token and for how many seconds it holds."""

    value: str = field(repr=False)
    expires_in_s: float


class TokenError(Exception):
    """The answer to a token request holds no token."""


class ProviderCalls:
    """One provider's calls. A subclass gives the facts; safe to share between threads."""

    production: ClassVar[Hosts]
    sandbox: ClassVar[Hosts]
    sandbox_auth_is_known: ClassVar[bool] = True
    """Whether the provider publishes where the tokens of its sandbox come from; else the deployer has to name it."""
    secret_fields: ClassVar[tuple[str, ...]]
    """The credential's fields without which nothing can be called."""
    reject_reasons: ClassVar[tuple[RejectReason, ...]] = ()
    """What a refusal may be told with, before an acceptance, after it, or both."""
    takes_words: ClassVar[bool] = True
    """Whether a refusal may be told in a person's own words as well."""
    acknowledges_acceptance: ClassVar[bool] = False
    """Whether the provider wants to hear that an order accepted on its own device has reached us."""
    changes_prep_time: ClassVar[bool] = False
    """Whether there is a call for ``PREP_TIME``."""
    wants_payload: ClassVar[bool] = False
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request, token requests included."""

    def hosts(self, *, is_sandbox: bool, base_url: str = "", sandbox_auth: str = "") -> Hosts:
        """Return the hosts to call; ``base_url`` stands in for all of them, with the same paths below it.

        ``sandbox_auth`` is where the tokens of a sandbox come from that publishes no host; ``auth`` is blank without it.
        """
        own = self.sandbox if is_sandbox else self.production
        base = base_url.rstrip("/")
        if base:
            return Hosts(base, base)
        if is_sandbox and not self.sandbox_auth_is_known:
            return Hosts(own.api, sandbox_auth.rstrip("/"))
        return Hosts(own.api, own.auth or own.api)

    def missing(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """Return the credential's fields that are needed and not set."""
        return tuple(name for name in self.secret_fields if not secrets.get(name))

    def build(self, view: OrderView, api: Api) -> Call | NotSent:
        """Return the requests that tell the provider, without authorization. Pure."""
        raise NotImplementedError

    def token_request(self, api: Api) -> OutboundRequest:
        """Return the request for a token."""
        raise NotImplementedError

    def read_token(self, answer: OutboundAnswer) -> Token:
        """Return the token of a successful answer: OAuth's words. Raises TokenError."""
        document = answer.document()
        value = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            raise TokenError("The answer holds no access_token.")
        life = document.get("expires_in")
        return Token(value, seconds(life, self.default_token_life_s))

    default_token_life_s: ClassVar[float] = 300.0
    """Where the answer does not tell how long a token holds: the shortest that is reported."""

    def authorize(self, request: OutboundRequest, api: Api, token: str) -> OutboundRequest:
        """Return the request with what proves us."""
        return request.with_headers({**self.headers, "Authorization": f"Bearer {token}"}, secret=["authorization"])

    def judge(self, view: OrderView, answer: OutboundAnswer, *, attempt: int, age_s: float, now: datetime) -> Judgement:
        """Say what an answer means. ``attempt`` counts from 1; ``age_s`` is how long we have been telling this."""
        return judge_status(answer, now)

    def probe(self, api: Api) -> OutboundRequest | None:
        """Return a harmless request for the connectivity test; None where the provider has none that we know."""
        return None


def judge_status(answer: OutboundAnswer, now: datetime) -> Judgement:
    """Judge an answer by its HTTP status alone, as all providers mean it."""
    status = answer.status
    if answer.is_success:
        return Judgement(Verdict.DONE)
    if status == 401:
        return Judgement(Verdict.REFRESH_TOKEN, "The provider refused our credential (401).")
    if status == 429 or status == 408 or status == 425 or status >= 500:
        return Judgement(Verdict.RETRY, f"The provider answered {status}.", retry_after_s(answer, now))
    if 300 <= status < 400:
        return Judgement(Verdict.PERMANENT, f"The provider answered with a redirect ({status}), which is not followed.")
    return Judgement(Verdict.PERMANENT, f"The provider refused it ({status}).")


def retry_after_s(answer: OutboundAnswer, now: datetime) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date, at most 15 minutes; None where it says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait_s = float(text[:9])
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        wait_s = (moment - now).total_seconds()
    return min(max(wait_s, 1.0), float(MAX_RETRY_AFTER_S))


def seconds(value: Any, default: float) -> float:
    """Return a positive number of seconds as a token's answer tells it, at most a day; else ``default``."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 10**9:
        return default
    return min(float(value), 86_400.0)


def json_request(method: str, url: str, document: Any = None, **kwargs: Any) -> OutboundRequest:
    """Return a request with a JSON body; without one where there is nothing to say."""
    if document is None:
        return OutboundRequest(method=method, url=url, **kwargs)
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return OutboundRequest(method=method, url=url, body=body, content_type="application/json", **kwargs)


def choose_reason(
    reasons: Sequence[RejectReason], reason: str, *, other: str, accepted: bool = False
) -> tuple[str, str]:
    """Return the code and the words to send: a person's choice of the table, else ``other`` with their own words."""
    words = reason.strip()
    for known in reasons:
        if known.code.casefold() == words.casefold():
            usable = known.after_acceptance if accepted else known.before_acceptance
            return (known.code if usable else other), known.label
    return other, words


def ready_time(moment: datetime, prep_minutes: int | None, scheduled_for: datetime | None) -> datetime:
    """Return when an order will be ready as somebody said at ``moment``: after the minutes, else when it is ordered for."""
    if scheduled_for is not None and prep_minutes is None:
        return scheduled_for
    return moment + timedelta(minutes=prep_minutes or DEFAULT_PREP_MINUTES)


def delay_minutes(view: OrderView) -> int:
    """Return by how many minutes the new time is later than the promised one, to the nearest; 0 where it is not."""
    ready = ready_time(view.occurred_at, view.prep_minutes, None)
    late_s = (ready - (view.promised_at or view.occurred_at)).total_seconds()
    return max(0, round(late_s / 60))


def utc_text(moment: datetime) -> str:
    """Return a time as providers want it: RFC 3339 in UTC, whole seconds, with ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def step_of(view: OrderView) -> Status | None:
    """Return the status that a view tells; None for an acknowledgement."""
    return Status(view.action) if view.action in set(Status) else None
