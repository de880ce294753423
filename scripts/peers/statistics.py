"""Ratios with spread and paired differences."""

from __future__ import annotations

import math

import numpy as np


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def spread(values: list[float]) -> dict[str, float]:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return {"p10": float(low), "median": float(middle), "p90": float(high)}


def paired_difference(of: np.ndarray, beside: np.ndarray) -> dict[str, float]:
    """Mean of `of` - `beside` over the same tokens, with its 95 % interval (docs/metrics.md)."""
    difference = of - beside
    mean = float(difference.mean())
    half = 1.959964 * float(difference.std(ddof=1)) / math.sqrt(len(difference))
    return {"mean": mean, "lower": mean - half, "upper": mean + half}
