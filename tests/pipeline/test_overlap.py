"""Stages side by side: in order, never too far ahead, and gone when they are not wanted any more."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, islice

import pytest
import torch

from pipeline.devices import workers_for
from pipeline.overlap import Busy, in_order, read_ahead


def test_results_come_in_order_though_the_later_ones_are_done_first():
    later = threading.Event()

    def work(item):
        if item == 0:
            assert later.wait(10)
        later.set()
        return item * item

    with ThreadPoolExecutor(2) as pool:
        assert list(in_order(pool, work, range(50), ahead=3)) == [i * i for i in range(50)]


def test_no_more_is_taken_than_was_said():
    taken = []

    def items():
        for item in count():
            taken.append(item)
            yield item

    with ThreadPoolExecutor(2) as pool, closing(in_order(pool, lambda item: item, items(), ahead=3)) as results:
        assert list(islice(results, 5)) == [0, 1, 2, 3, 4]
        assert len(taken) == 7


def test_reading_goes_on_while_the_item_before_is_used():
    second_was_read = threading.Event()

    def items():
        yield 1
        second_was_read.set()
        yield 2

    with read_ahead(items(), ahead=2) as read:
        assert next(read) == 1
        assert second_was_read.wait(10)
        assert list(read) == [2]


def test_an_error_comes_where_its_item_would():
    def items():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    with read_ahead(items(), ahead=3) as read:
        assert [next(read), next(read)] == [1, 2]
        with pytest.raises(OSError, match="the disk is gone"):
            next(read)

    def work(item):
        return 6 / item

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, work, [1, 2, 0, 3], ahead=3)
        assert [next(results), next(results)] == [6, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_leaving_early_ends_the_threads():
    before = threading.active_count()
    with read_ahead(count(), ahead=2) as read:
        assert next(read) == 0
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_the_bottleneck_is_what_takes_longest_for_its_threads():
    busy = Busy({"reading": 1, "matting": 4})
    busy.seconds.update(reading=2.0, matting=6.0)
    assert busy.bottleneck() == "reading"
    with busy.at("matting"):
        pass
    assert busy.seconds["matting"] > 6


@pytest.mark.parametrize(("threads", "expected"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 1)), (16, (4, 4)), (18, (4, 4))])
def test_frames_side_by_side_share_the_threads(threads, expected, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert workers_for(torch.device("cpu")) == expected
    assert workers_for(torch.device("cuda")) == (1, threads)
