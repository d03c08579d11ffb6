"""How long a wait may be, by a clock that stands still."""

from __future__ import annotations

import httpcore
import pytest

from reconciler.influx.deadline import DeadlineBackend


def test_a_wait_is_cut_to_what_is_left_of_the_request() -> None:
    now = [100.0]
    backend = DeadlineBackend(lambda: now[0])
    with backend.within(10):
        assert (backend.cut(3), backend.cut(30), backend.cut(None)) == (3, 10, 10)
        now[0] = 109.5
        assert backend.cut(3) == 0.5
        now[0] = 110.0
        with pytest.raises(httpcore.ReadTimeout):
            backend.cut(3)
    with backend.within(1):
        assert backend.cut(3) == 1
