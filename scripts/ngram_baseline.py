#!/usr/bin/env python3
"""Interpolated modified Kneser-Ney 5-gram model over token ids: the baseline of `stories`.

An n-gram is packed into one 64-bit integer (11 bits per token), so training is sorting
and counting, and the statistics of a context are sums over a contiguous run of the
sorted table.  Follows Chen & Goodman (1998): raw counts at the highest order, numbers of
distinct left neighbours below it, three discounts per order from counts of counts, and
interpolation down to the uniform distribution.

Run with --self-check for a comparison with a direct implementation of the definition.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BITS = 11
ORDER = 5


@dataclass
class Level:
    """Sorted n-grams of one order with their discounted counts, and their contexts' totals."""

    keys: np.ndarray
    discounted: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    backoff: np.ndarray


def pack(tokens: np.ndarray, order: int) -> np.ndarray:
    """All n-grams of a token sequence as integers, the oldest token in the highest bits."""
    length = len(tokens) - order + 1
    keys = np.zeros(length, dtype=np.uint64)
    for i in range(order):
        keys = (keys << np.uint64(BITS)) | tokens[i : i + length].astype(np.uint64)
    return keys


def discounts(counts: np.ndarray) -> np.ndarray:
    """Discounts for counts 0, 1, 2 and 3 or more, from the counts of counts."""
    n1, n2, n3, n4 = (max(1, int(np.count_nonzero(counts == i))) for i in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    estimate = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return np.clip(estimate, [0.0, 0.1, 0.1, 0.1], [0.0, 0.95, 1.9, 2.9])


def make_level(keys: np.ndarray, counts: np.ndarray) -> Level:
    """Discount the counts of one order and sum them up per context."""
    discount = discounts(counts)[np.minimum(counts, 3)]
    contexts, starts = np.unique(keys >> np.uint64(BITS), return_index=True)
    totals = np.add.reduceat(counts, starts).astype(np.float64)
    removed = np.add.reduceat(discount, starts)
    return Level(keys, counts - discount, contexts, totals, removed / totals)


def lookup(table: np.ndarray, values: np.ndarray, wanted: np.ndarray, missing: float) -> np.ndarray:
    """values[i] where table[i] == wanted, `missing` where there is none."""
    index = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
    return np.where(table[index] == wanted, values[index], missing)


class KneserNey:
    """The trained model; levels[k - 1] holds order k."""

    def __init__(self, streams: Sequence[np.ndarray], vocabulary: int, order: int = ORDER) -> None:
        assert vocabulary <= 1 << BITS and order * BITS <= 64
        self.vocabulary = vocabulary
        keys, counts = np.unique(np.concatenate([pack(s, order) for s in streams]), return_counts=True)
        self.levels = [make_level(keys, counts)]
        for lower in range(order - 1, 0, -1):
            suffixes = keys & np.uint64((1 << BITS * lower) - 1)
            keys, counts = np.unique(suffixes, return_counts=True)
            self.levels.insert(0, make_level(keys, counts))

    def probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """P(token | the tokens before it) for every token of the sequence."""
        result = np.full(len(tokens), 1.0 / self.vocabulary)
        for order, level in enumerate(self.levels, 1):
            keys = pack(tokens, order)
            contexts = keys >> np.uint64(BITS)
            total = lookup(level.contexts, level.totals, contexts, 1.0)
            backoff = lookup(level.contexts, level.backoff, contexts, 1.0)
            count = lookup(level.keys, level.discounted, keys, 0.0)
            result[order - 1 :] = count / total + backoff * result[order - 1 :]
        return result


def direct_probability(train: list[int], context: list[int], token: int, vocabulary: int, order: int) -> float:
    """The same model written down from its definition with dictionaries; slow."""
    if order == 0:
        return 1.0 / vocabulary
    grams = {tuple(train[i : i + ORDER]) for i in range(len(train) - ORDER + 1)}
    counts: Counter[tuple[int, ...]] = Counter()
    if order == ORDER:
        counts.update(tuple(train[i : i + ORDER]) for i in range(len(train) - ORDER + 1))
    else:
        longer = {gram[ORDER - order - 1 :] for gram in grams}
        counts.update(gram[1:] for gram in longer)
    discount = discounts(np.array(list(counts.values())))
    history = tuple(context[len(context) - order + 1 :])
    seen = {gram: count for gram, count in counts.items() if gram[:-1] == history}
    lower = direct_probability(train, context, token, vocabulary, order - 1)
    if not seen:
        return lower
    total = sum(seen.values())
    removed = sum(discount[min(count, 3)] for count in seen.values())
    count = seen.get((*history, token), 0)
    return (count - discount[min(count, 3)] + removed * lower) / total


def self_check() -> None:
    """Agree with the definition on a small sample of a Markov source, and sum to one."""
    random = np.random.default_rng(0)
    size, length = 12, 3000
    cumulative = random.dirichlet(np.full(size, 0.2), size=size).cumsum(axis=1)
    tokens = np.zeros(length, dtype=np.uint16)
    for i, draw in enumerate(random.random(length - 1)):
        tokens[i + 1] = min(size - 1, np.searchsorted(cumulative[tokens[i]], draw))
    model = KneserNey([tokens], size)
    for context in ([int(t) for t in tokens[:4]], [1, 1, 1, 1], [3, 7, 2, 5]):
        found = [model.probabilities(np.array([*context, end]))[-1] for end in range(size)]
        expected = [direct_probability(tokens.tolist(), context, end, size, ORDER) for end in range(size)]
        assert np.allclose(found, expected, rtol=1e-9, atol=0), (context, found, expected)
        assert abs(sum(found) - 1) < 1e-9, (context, sum(found))
    print("self-check passed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-check", action="store_true", help="test the implementation and stop")
    parser.add_argument("--train", type=Path, nargs="+", help=".npy files of token ids to train on")
    parser.add_argument("--test", type=Path, help=".npy file of token ids to score")
    parser.add_argument("--vocabulary", type=int, default=2048, help="number of tokens (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.self_check:
        self_check()
        return
    if not arguments.train or not arguments.test:
        parser.error("--train and --test are needed")
    model = KneserNey([np.load(path) for path in arguments.train], arguments.vocabulary)
    losses = -np.log(model.probabilities(np.load(arguments.test)))
    print(f"perplexity {math.exp(losses.mean()):.4f} over {len(losses)} tokens with full left context")


if __name__ == "__main__":
    main()
