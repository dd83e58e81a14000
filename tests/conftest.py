"""What all tests share: each behaviour is tested on both engines."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

import fastmlp

# Tests interrupt fit, here and in processes of their own. A shell starts jobs in the background
# with SIGINT ignored, which both would inherit: the fit would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["reference", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine."""
    return str(request.param)


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """A number of threads, set for the test."""
    before = fastmlp.get_num_threads()
    fastmlp.set_num_threads(request.param)
    yield request.param
    fastmlp.set_num_threads(before)


@pytest.fixture(autouse=True)
def _fresh_session() -> None:
    """Names, seeds and masks do not depend on which tests ran before."""
    fastmlp.utils.clear_session(free_memory=False)  # a collection costs more than most tests
    fastmlp.utils.set_random_seed(7)


@pytest.fixture
def joblib_workers() -> Iterator[None]:
    """For tests that use joblib's processes: they and the threads that talk with them are gone
    afterwards, where other tests fork and count threads."""
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
