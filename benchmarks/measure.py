"""What a benchmark gives back, and how time is taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Measurement", "median_ms"]


@dataclass(frozen=True)
class Measurement:
    """One measured figure. Machines differ, so a ratio to something measured in the same run says more than the value."""

    name: str
    value: float
    unit: str
    budget: str | None = None
    """What it should be, as `<= 6` or `>= 25`; None where nothing is promised."""
    ratio: float | None = None
    ratio_to: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None without one."""
        if self.budget is None:
            return None
        sign, bound = self.budget.split()
        return self.value <= float(bound) if sign == "<=" else self.value >= float(bound)


def median_ms(run: Callable[[], object], *, repeats: int = 20, warm_up: int = 3) -> float:
    """Median milliseconds of one call."""
    for _ in range(warm_up):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
