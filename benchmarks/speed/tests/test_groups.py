"""Groups with a cap, what they sent together, and what an order cost between two readings."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.caps import Cap
from benchmarks.speed.costs import Reading, each
from benchmarks.speed.of_footprint import STATUSES, tell
from benchmarks.speed.of_groups import gaps, missing, rate_of, short_of_share, together
from benchmarks.speed.payloads import WAYS
from benchmarks.speed.plan import Expected, Planned, plan_orders
from benchmarks.speed.sending import Sent
from providers.base import InboundRequest
from providers.registry import ADAPTERS
from providers.samples import sample_events

V1, V2 = ("cgroup.procs", "cpu.cfs_period_us", "cpu.cfs_quota_us"), ("cgroup.procs", "cpu.max")
SECRETS = {slug: {scheme.secret: "c2VjcmV0" for scheme in adapter.schemes} for slug, adapter in ADAPTERS.items()}
COMPANY = CompanyAccess("3f1c8a52-0000-4000-8000-000000000001", "speed-0", "token", "", SECRETS)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A hierarchy in which a new folder has files, as the kernel makes them."""
    make = Path.mkdir

    def with_files(names):
        def mkdir(self, *arguments, **named):
            make(self, *arguments, **named)
            for name in names:
                (self / name).touch()

        monkeypatch.setattr(Path, "mkdir", mkdir)
        return tmp_path

    return with_files


def test_a_cap_is_a_share_of_every_hundredth_of_a_second(kernel):
    cap = Cap([kernel(V1)])
    cap.limit(0.4)
    assert (cap.folder / "cpu.cfs_period_us").read_text() == "10000"
    assert (cap.folder / "cpu.cfs_quota_us").read_text() == "4000"
    cap.take([17])
    assert (cap.folder / "cgroup.procs").read_text() == "17"


def test_the_later_version_has_one_file_and_is_told_to_pass_the_controller_on(kernel):
    root = kernel(V2)
    (root / "cgroup.subtree_control").touch()
    cap = Cap([root / "not there", root])
    cap.limit(1.5)
    assert (cap.folder / "cpu.max").read_text() == "15000 10000"
    assert (root / "cgroup.subtree_control").read_text() == "+cpu"


def test_what_is_lifted_has_no_limit(kernel):
    cap = Cap([kernel(V2)])
    cap.lift()
    assert (cap.folder / "cpu.max").read_text() == "max 10000"


def test_without_the_controller_there_is_no_cap(tmp_path):
    with pytest.raises(MissingError):
        Cap([tmp_path / "not there", tmp_path])
    assert list(tmp_path.iterdir()) == []


def expected(number: int) -> Expected:
    return Expected(COMPANY.id, "careem", str(number), 10, 12, Decimal("4.500"))


def sent(first: int, count: int, start: float, end: float, status: int = 200) -> Sent:
    plan = [Planned(0.0, b"", expected(first + at)) for at in range(count)]
    return Sent(plan, start, end, 0.5, [start] * count, [start] * count, [end] * count, [status] * count, [1] * count)


def test_what_two_sent_counts_from_the_first_start_to_the_last_end():
    both = together([sent(0, 30, 100.0, 110.0), sent(100, 20, 100.5, 112.5)])
    assert (both.start, both.end, both.cpu_s) == (100.0, 112.5, 1.0)
    assert both.per_second == 4.0
    assert [each.external_id for each in both.acknowledged][28:32] == ["28", "29", "100", "101"]


def test_a_group_that_did_not_come_near_its_share_is_told():
    used = {"web-1": 3.0, "sockets-1": 0.5, "web-2": 1.0, "postgres": 9.0}
    assert short_of_share(used, 4.0, 2) == ["group 2 used 25% of its share: the cap is not what held it"]


def test_a_rate_leaves_out_the_first_quarter():
    assert rate_of([0.0, 5.0, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5]) == 2.0
    assert rate_of([]) == rate_of([1.0]) == 0.0


def test_an_order_has_to_be_told_on_every_machine():
    here, there = ([("0", 1.0), ("1", 1.1), ("99", 1.2)], [("1", 1.3)])
    screens = [SimpleNamespace(heard=[here]), SimpleNamespace(heard=[there])]
    assert missing(sent(0, 2, 0.0, 1.0), screens, 2) == 1


@pytest.mark.parametrize(
    ("row", "found"), [((5, 5, 5, 5), 0), ((4, 4, 5, 5), 1), ((5, 4, 4, 4), 1), ((4, 4, 4, 5), 2), ((0, 0, 0, 0), 0)]
)
def test_numbers_that_are_missing_or_there_twice_are_counted(row, found):
    assert gaps([row, (3, 3, 3, 3)]) == found


def test_an_event_costs_what_was_used_beyond_what_is_used_at_rest():
    idle = Reading(0.0, {"web": 1.0}, commands=10), Reading(10.0, {"web": 1.1}, commands=20)
    before = Reading(20.0, {"web": 2.0}, 1_000_000, 500_000, 0, 0, 100, 0)
    after = Reading(40.0, {"web": 4.2}, 2_000_000, 700_000, 4_000_000, 50, 320, 60_000)
    found = each(before, after, idle, 100)
    assert found == {
        "web_ms": pytest.approx(20.0), "postgres_ms": 0, "redis_ms": 0, "sockets_ms": 0, "worker_ms": 0, "sweeper_ms": 0,
        "table_kb": 10.0, "index_kb": 2.0, "wal_kb": 40.0, "full_pages": 0.5, "redis_commands": 2.0, "redis_kb": 0.6,
    }  # fmt: skip


def test_a_status_names_the_order_that_came():
    orders = [plan.expected for plan in plan_orders([COMPANY], len(WAYS))]
    for status in STATUSES:
        told = tell([COMPANY], [(each.company, each.provider, each.external_id) for each in orders], status, 10)
        assert [each.at_s for each in told] == [at / 10 for at in range(len(WAYS))]
        for request, order in zip(told, orders, strict=True):
            assert status in sample_events(order.provider, "hub")
            body = request.wire.split(b"\r\n\r\n", 1)[1]
            event = ADAPTERS[order.provider].parse(InboundRequest(body=body, headers={}, path="", method="POST"))[0]
            assert (event.external_id, event.status) == (order.external_id, status)
