"""The invariants, looked up in the database, over the API and in the logs after every scenario."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from benchmarks.faults.disk import STALLED_SHARE
from benchmarks.faults.http import request
from benchmarks.faults.run import SETTLE_WITHIN_S, Run, Window
from benchmarks.faults.traffic import Attempt, Event
from orders.transitions import RANK
from providers.base import InboundRequest
from providers.events import Status
from providers.registry import ADAPTERS

HEALTHY_P99_MS = 300.0
UNAVAILABLE_WITHIN_S = 5.0
SOCKET_LAG_S = 15.0
BACK_WITHIN_S = 30
BUSY_SHARE = 0.75
"""From this share of time in which something waited for a core, speed is told and not judged."""
END_STATES = {"processed", "ignored", "parked", "quarantined"}


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


async def check(run: Run, log_from: int, p99_ms: float = HEALTHY_P99_MS) -> None:
    """Check everything; what does not hold is added to ``run.faults``."""
    check_answers(run, p99_ms)
    logs = check_log(run)
    check_orders(run, logs)
    check_numbers(run)
    check_sockets(run)
    await check_lists(run)
    check_lines(run, log_from)


def check_answers(run: Run, p99_ms: float) -> None:
    """No 5xx outside a fault, only 503 with Retry-After inside one, in time; and the healthy answers are quick."""
    for slow in run.slow:
        judge_speed(run, slow)
    attempts = [attempt for event in run.events for attempt in event.attempts]
    outside = [attempt for attempt in attempts if not run.met_fault(attempt)]
    inside = [attempt for attempt in attempts if run.met_fault(attempt)]
    bad = Counter(attempt.status for attempt in outside if attempt.status >= 500 or attempt.status == 0)
    if bad:
        run.faults.append(f"answers outside a fault: {dict(bad)}")
    wrong = Counter(attempt.status for attempt in inside if attempt.status >= 500 and attempt.status != 503)
    if wrong:
        run.faults.append(f"answers inside a fault: {dict(wrong)}")
    refused = [attempt for attempt in inside if attempt.status == 503]
    if any("retry-after" not in attempt.answer.headers for attempt in refused if attempt.answer):
        run.faults.append("a 503 without Retry-After")
    slowest = max((attempt.answered_at - attempt.sent_at for attempt in refused), default=0.0)
    if slowest > UNAVAILABLE_WITHIN_S:
        run.faults.append(f"a 503 after {slowest:.1f} s")
    back_s = {id(window): recovery_s(window, attempts) for window in run.windows}
    if run.windows:
        run.notes["as before"] = f"{max(back_s.values()):.0f} s after"
    if max(back_s.values(), default=0) >= BACK_WITHIN_S:
        judge_speed(run, f"answers were not as before {BACK_WITHIN_S} s after the fault")
    usual = [
        attempt.took_ms
        for attempt in outside
        if 200 <= attempt.status < 300
        and not any(0 < attempt.meant_at - window.ended_at < back_s[id(window)] for window in run.windows)
    ]
    healthy = percentile(usual, 0.99)
    run.notes["p99"] = f"{healthy:.0f} ms" if usual else "none outside the fault"
    if healthy > p99_ms:
        judge_speed(run, f"p99 of healthy answers {healthy:.0f} ms")
    if refused:
        run.notes["503"] = f"{len(refused)}, slowest {slowest:.1f} s"
    if inside:
        answered = [attempt.took_ms for attempt in inside if 200 <= attempt.status < 300]
        run.notes["p99 in fault"] = f"{percentile(answered, 0.99):.0f} ms" if answered else "none answered"


def judge_speed(run: Run, slow: str) -> None:
    """Count slowness as a fault, unless the machine or its disk was so busy that the figures say nothing about us."""
    if run.busy_share >= BUSY_SHARE:
        run.not_judged.append(f"{slow}; the machine was too busy to judge it")
    elif run.disk.stalled_share >= STALLED_SHARE:
        run.not_judged.append(f"{slow}; a bare write to the disk stalled {run.disk.stalled_share:.1%} of the time")
    else:
        run.faults.append(slow)


def recovery_s(window: Window, attempts: list[Attempt]) -> int:
    """Return how many seconds after a fault the answers were still slower than they may be, because all come at once."""
    seconds: dict[int, list[float]] = defaultdict(list)
    for attempt in attempts:
        if attempt.meant_at >= window.ended_at:
            seconds[int(attempt.meant_at - window.ended_at)].append(attempt.took_ms)
    after = 0
    while after < BACK_WITHIN_S and percentile(seconds.get(after, []), 0.9) > HEALTHY_P99_MS:
        after += 1
    return after


def check_log(run: Run) -> dict[str, dict[str, Any]]:
    """Each acknowledged event is in the log exactly once, byte for byte, and has come to an end. Return rows by digest."""
    sent = {event.digest: event for event in run.events}
    rows = run.query(
        "SELECT l.id, l.company_id, l.provider, l.status, l.attempts, l.order_id, encode(sha256(b.body), 'hex')"
        " FROM webhook_logs l LEFT JOIN webhook_bodies b ON b.log_id = l.id"
        " WHERE l.company_id = ANY(%s::uuid[]) AND l.rejection_key IS NULL",
        [company.id for company in run.companies],
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    names = ("id", "company", "provider", "status", "attempts", "order", "digest")
    for row in rows:
        entry = dict(zip(names, map(str, row), strict=True))
        found[entry["digest"]].append(entry)
    lost = [event for event in sent.values() if event.is_acknowledged and event.digest not in found]
    twice = [digest for digest, entries in found.items() if len(entries) > 1]
    foreign = [
        digest for digest, entries in found.items()
        if digest not in sent or entries[0]["company"] != sent[digest].company.id
    ]  # fmt: skip
    unended = Counter(
        entries[0]["status"] for digest, entries in found.items()
        if digest in sent and not _is_ended(sent[digest], entries[0]["status"])
    )  # fmt: skip
    for what, several in (("lost", lost), ("stored twice", twice), ("never sent to this company", foreign)):
        if several:
            run.faults.append(f"{len(several)} events {what}")
    if unended:
        run.faults.append(f"no end state {SETTLE_WITHIN_S:.0f} s after the last fault: {dict(unended)}")
    acknowledged = sum(event.is_acknowledged for event in run.events)
    run.notes = {"events": str(len(run.events)), "acknowledged": str(acknowledged), "lost": str(len(lost)), **run.notes}
    run.notes["settled"] = f"{run.settled_s:.1f} s"
    return {digest: entries[0] for digest, entries in found.items()}


def _is_ended(event: Event, status: str) -> bool:
    return status == "quarantined" if event.is_poison else status in END_STATES - {"quarantined"}


def check_orders(run: Run, logs: dict[str, dict[str, Any]]) -> None:
    """One order per external id with exact amounts; its history is a path of the state machine to the highest status named."""
    rows = run.query(
        "SELECT id, company_id, provider, external_id, status, total, currency FROM orders WHERE company_id = ANY(%s::uuid[])",
        [company.id for company in run.companies],
    )
    found = {(str(row[1]), str(row[2]), str(row[3])): row for row in rows}
    stored: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in run.events:
        if event.digest in logs and not event.is_poison:
            stored[(event.company.id, event.provider, event.external_id)].append(event)
    for key, events in stored.items():
        creation = next((event for event in events if event.name == "created"), None)
        if creation is None:
            continue
        row = found.pop(key, None)
        if row is None:
            run.faults.append(f"no order for {key[1]} {key[2]}")
            continue
        if Decimal(str(row[5])) != creation.total or row[6] != creation.currency:
            run.faults.append(f"order {key[1]} {key[2]}: {row[5]} {row[6]}, not {creation.total} {creation.currency}")
        highest = max((event.status for event in events if event.status), key=RANK.__getitem__)
        if row[4] != highest.value:
            run.faults.append(f"order {key[1]} {key[2]} is {row[4]}, not {highest.value}")
        waits = [event for event in events if logs[event.digest]["status"] == "parked"]
        if waits:
            run.faults.append(f"{len(waits)} events parked although the order {key[1]} {key[2]} is there")
    if found:
        run.faults.append(f"{len(found)} orders that nobody sent")
    check_history(run)


def check_history(run: Run) -> None:
    rows = run.query(
        "SELECT e.order_id, e.seq, e.previous_status, e.status, o.status, e.type, e.webhook_event_id FROM order_events e"
        " JOIN orders o ON o.id = e.order_id WHERE o.company_id = ANY(%s::uuid[]) AND e.seq IS NOT NULL ORDER BY e.seq",
        [company.id for company in run.companies],
    )
    histories: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for row in rows:
        histories[str(row[0])].append(row)
    for order, history in histories.items():
        created = [row for row in history if row[5] == "order.created"]
        steps = [(Status(str(row[2])), Status(str(row[3]))) for row in history[1:]]
        at = Status(str(history[0][3]))
        is_path = len(created) == 1 and history[0] is created[0]
        for before, after in steps:
            is_path = is_path and before is at and RANK[after] >= RANK[before]
            at = after
        if not is_path or at.value != history[0][4]:
            run.faults.append(f"the history of order {order} is no path of the state machine")
    effects = Counter(str(row[6]) for row in rows if row[6])
    several = [event for event, count in effects.items() if count > 1]
    if several:
        run.faults.append(f"{len(several)} events had more than one effect")


def check_numbers(run: Run) -> None:
    """The numbers of each company's events rise by one."""
    for company in run.companies:
        rows = run.query(
            "SELECT seq FROM order_events WHERE company_id = %s AND seq IS NOT NULL ORDER BY seq", company.id
        )
        seqs = [int(str(row[0])) for row in rows]
        if seqs != list(range(1, len(seqs) + 1)):
            run.faults.append(f"the numbers of {company.slug} have a gap or one twice")


def check_sockets(run: Run) -> None:
    """An open socket and the changes call tell every event, in order, soon, and none of another company."""
    slowest = 0.0
    for listener in run.listeners:
        rows = run.query(
            "SELECT e.seq, o.external_id, e.status, extract(epoch FROM e.created_at) FROM order_events e"
            " JOIN orders o ON o.id = e.order_id WHERE e.company_id = %s AND e.seq IS NOT NULL",
            listener.company.id,
        )
        for seq, external_id, status, created_at in rows:
            number = int(str(seq))
            frame = listener.events.get(number)
            if frame is None:
                run.faults.append(f"{listener.company.slug} never heard of its event {seq}")
                break
            if (frame["externalOrderId"], frame["status"]) != (external_id, status):
                run.faults.append(f"{listener.company.slug} heard something else as event {seq}")
                break
            committed = float(str(created_at))
            broken = [window.ended_at for window in run.windows if window.covers(committed, listener.heard_at[number])]
            if listener.was_slow:
                continue
            slowest = max(slowest, listener.heard_at[number] - max([committed, *broken]))
        if len(rows) < len(listener.events):
            run.faults.append(f"{listener.company.slug} heard of events that are not there")
        others = [prefix for company, prefix in run.prefixes.items() if company != listener.company.id]
        if any(prefix in text for text in listener.raw for prefix in others):
            run.faults.append(f"{listener.company.slug} was told of another company")
    run.notes["socket lag"] = f"{slowest:.1f} s"
    if slowest > SOCKET_LAG_S:
        judge_speed(run, f"an open socket heard of an event after {slowest:.1f} s")


async def check_lists(run: Run) -> None:
    """The API's list is the company's orders, all of them and no others."""
    for company in run.companies:
        headers = {"Authorization": f"Token {company.token}"}
        path, ids, texts = "/api/orders?limit=200", set(), []
        while path:
            answer = await request(run.stack.calls_at, "GET", path, headers, tls=run.stack.tls)
            if answer.status != 200:
                run.faults.append(f"GET /api/orders answered {answer.status}")
                return
            texts.append(answer.body.decode())
            ids |= {order["id"] for order in answer.json()["results"]}
            following = answer.json()["next"]
            path = "/api/" + following.split("/api/", 1)[1] if following else ""
        rows = run.query("SELECT id FROM orders WHERE company_id = %s", company.id)
        if ids != {str(row[0]) for row in rows}:
            run.faults.append(f"the list of {company.slug} is not its orders")
        others = [other for other in run.companies if other is not company]
        if any(run.prefixes[other.id] in text for other in others for text in texts):
            run.faults.append(f"the list of {company.slug} shows another company")
        stranger = run.query("SELECT id FROM orders WHERE company_id = %s LIMIT 1", others[0].id) if others else []
        if stranger:
            answer = await request(
                run.stack.calls_at, "GET", f"/api/orders/{stranger[0][0]}", headers, tls=run.stack.tls
            )
            if answer.status != 404:
                run.faults.append(f"another company's order was answered {answer.status}")


def personal_values(events: list[Event]) -> set[str]:
    """Return what the payloads tell of people: names, phones, e-mail addresses, streets."""
    values: set[str] = set()
    for event in events:
        if event.is_poison or event.name != "created":
            continue
        sample = event.sample
        inbound = InboundRequest(body=event.body, headers=dict(sample.headers), path=sample.path, method=sample.method)
        for found in ADAPTERS[event.provider].parse(inbound):
            snapshot = found.snapshot
            if snapshot and snapshot.customer:
                values |= {snapshot.customer.name, snapshot.customer.phone, snapshot.customer.email}
            if snapshot and snapshot.delivery_address:
                values |= {snapshot.delivery_address.text, snapshot.delivery_address.street}
    return {value for value in values if len(value) > 5}


def check_lines(run: Run, log_from: int) -> None:
    """No log line of the processes holds a secret or anything of a person."""
    with run.stack.log.open("rb") as log:
        log.seek(log_from)
        text = log.read().decode("utf-8", "replace")
    secrets = {secret for company in run.companies for secret in company.secrets()}
    if any(secret in text for secret in secrets):
        run.faults.append("a log line holds a secret")
    if shown := [value for value in personal_values(run.events) if value in text]:
        run.faults.append(f"log lines hold {len(shown)} values of people")
    run.notes["log lines"] = str(text.count("\n"))
    if tracebacks := text.count("Traceback (most recent call last)"):
        run.notes["tracebacks"] = str(tracebacks)
