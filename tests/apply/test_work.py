"""Jobs handed to workers, and what comes back."""

from __future__ import annotations

import threading

import pytest

from reconciler.apply.work import Pool


def test_every_value_comes_back() -> None:
    pool: Pool[int] = Pool(3)
    for number in range(10):
        pool.submit(lambda number=number: number * number)  # type: ignore[misc]  # a default binds the loop's value
    assert {pool.take() for _ in range(10)} == {number * number for number in range(10)}
    pool.close()


def test_what_a_job_raises_is_raised_to_the_owner() -> None:
    pool: Pool[int] = Pool(1)
    pool.submit(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        pool.take()
    pool.close()


def test_idle_workers_end_after_closing() -> None:
    before = threading.enumerate()
    pool: Pool[int] = Pool(4)
    workers = [thread for thread in threading.enumerate() if thread not in before]
    assert (pool.size, len(workers)) == (4, 4)
    pool.close()
    for thread in workers:
        thread.join(10)
    assert [thread.is_alive() for thread in workers] == [False] * 4
