"""Section `calibrated`: files of calibrated methods in the peer's runtime, beside those of search with importance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .files import Bench
from .ggml import Ggml
from .program import EVALUATION_TEXT
from .results import Results
from .runtime import Runtime
from .statistics import paired_difference
from .texts import embedded_text

FORMATS = ("q4_k", "iq4_xs", "q3_k", "iq3_s", "q2_k", "iq2_xs")
SOLVERS = ("gptq", "awq+gptq")


def log_probabilities(ggml: Ggml, model: Path, chunks: int) -> Iterator[np.ndarray]:
    """(255, vocabulary) of each window: at the positions that `llamacpp-512` scores."""
    with Runtime(ggml, model) as runtime:
        for logits in runtime.logits(runtime.windows(embedded_text(EVALUATION_TEXT), chunks)):
            scored = logits[256:511].astype(np.float64)
            scored -= scored.max(axis=1, keepdims=True)
            yield (scored - np.log(np.exp(scored).sum(axis=1, keepdims=True))).astype(np.float32)


class PeerDivergence:
    """KL divergence from the f16 file, both through the peer's runtime."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._base = list(log_probabilities(bench.ggml, bench.source, bench.chunks))

    def of_windows(self, model: Path) -> np.ndarray:
        """Means over the tokens of each window: neighbouring tokens depend on each other."""
        found = log_probabilities(self._bench.ggml, model, self._bench.chunks)
        return np.array([(np.exp(base) * (base - other)).sum(axis=1).mean(dtype=np.float64) for base, other in zip(self._base, found)])


def compare_format(bench: Bench, divergence: PeerDivergence, format_id: str, calibration_chunks: int) -> dict:
    def measure(name: str, **how: object) -> tuple[np.ndarray, np.ndarray]:
        path = bench.folder / "calibrated.gguf"
        bench.program.quantize(path, name, **how)
        own = bench.program.evaluate(path, bench.chunks).divergence
        return own.reshape(bench.chunks, -1).mean(axis=1), divergence.of_windows(path)

    search = measure(format_id, imatrix=bench.imatrix)
    entry: dict = {"search": {"quantbench": float(search[0].mean()), "peer": float(search[1].mean())}}
    for solver in SOLVERS:
        found = measure(f"{solver}:{format_id}", calibration_chunks=calibration_chunks)
        entry[solver] = {
            where: {"kld": float(of.mean()), "difference": paired_difference(of, beside)}
            for where, of, beside in zip(("quantbench", "peer"), found, search)
        }
    return entry


def compare_calibrated(bench: Bench, results: Results, calibration_chunks: int) -> None:
    conditions = {**bench.conditions(), "calibration_chunks": calibration_chunks}
    divergence = PeerDivergence(bench)
    for format_id in FORMATS:
        results.measure("calibrated", format_id, conditions, lambda: compare_format(bench, divergence, format_id, calibration_chunks))
