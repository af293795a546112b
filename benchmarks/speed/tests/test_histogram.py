from __future__ import annotations

from hdrh.histogram import HdrHistogram

from benchmarks.speed.histogram import Latencies


def test_percentiles_are_those_of_the_times():
    times = Latencies(number / 1000 for number in range(1, 1001))
    assert times.count == 1000
    assert [round(times.ms(percentile)) for percentile in (50, 99, 100)] == [500, 990, 1000]
    assert round(times.mean_ms) in {500, 501}  # to three digits
    assert round(times.max_ms) == 1000


def test_one_slow_answer_among_many_is_not_lost():
    times = Latencies([0.005] * 999 + [4.0])
    assert round(times.ms(50), 1) == 5.0
    assert round(times.ms(99.9), 1) == 5.0
    assert round(times.max_ms / 1000, 1) == 4.0


def test_what_takes_longer_than_a_minute_counts_as_a_minute():
    assert round(Latencies([3_600]).max_ms / 1000) == 60


def test_nothing_measured_is_nothing():
    assert Latencies().figures() == {"mean": 0, "p50": 0, "p90": 0, "p95": 0, "p99": 0, "p99.9": 0, "max": 0}


def test_an_encoded_histogram_is_read_by_the_library():
    read = HdrHistogram.decode(Latencies([0.001, 0.002, 0.003]).encoded())
    assert read.get_total_count() == 3
    assert read.get_value_at_percentile(50) == 2000
