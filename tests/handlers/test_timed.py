"""Jobs that come again, on a clock that somebody puts back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from patience import PATIENCE

from handlers.timed import Timed, wall
from storage import StorageUnavailable

HOUR = 3600


@pytest.fixture
def clock():
    """The clock of the machine, as far as `look` is told."""
    return {"ahead": timedelta()}


@pytest.fixture
def timed(clock):
    made = Timed(lambda: wall() + clock["ahead"])
    made.start()
    yield made
    made.stop()


def test_a_job_comes_again(timed):
    twice = threading.Semaphore(0)
    timed.every(0.01, twice.release)
    assert twice.acquire(timeout=PATIENCE) and twice.acquire(timeout=PATIENCE)


def test_a_job_that_fails_comes_again(timed):
    came = threading.Semaphore(0)

    def job():
        came.release()
        raise StorageUnavailable("full")

    timed.every(0.01, job)
    assert came.acquire(timeout=PATIENCE) and came.acquire(timeout=PATIENCE)


def test_a_job_that_is_wanted_at_once_does_not_wait_for_its_hour(timed):
    done = threading.Event()
    timed.every(HOUR, done.set, at_once=True)
    assert done.wait(PATIENCE)


def test_a_clock_that_was_put_back_delays_no_job(timed, clock):
    done = threading.Event()
    timed.every(HOUR, done.set)
    clock["ahead"] = timedelta(hours=-2)
    timed.look()
    assert done.wait(PATIENCE)


def test_a_clock_that_is_corrected_a_little_hurries_no_job(timed, clock):
    hourly, marked = threading.Event(), threading.Event()
    timed.every(HOUR, hourly.set)
    clock["ahead"] = timedelta(seconds=-0.5)
    timed.look()
    timed.every(HOUR, marked.set, at_once=True)  # when this is done, the other would have been
    assert marked.wait(PATIENCE) and not hourly.is_set()
