"""Section `encode`: speed and error of both encoders on the same weights with the same importance, on one thread."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from .ggml import Ggml
from .methods import family_of
from .program import Quantbench
from .results import Results
from .statistics import spread

ROWS, COLS, SEED = 512, 4096, 7


@dataclass(frozen=True)
class Layer:
    weights: np.ndarray  # (rows, cols) f32, Gaussian
    importance: np.ndarray  # (cols) f32, log-normal
    weights_file: Path
    activations_file: Path  # one token whose squares are the importance


def make_layer(folder: Path) -> Layer:
    random = np.random.default_rng(SEED)
    weights = random.standard_normal((ROWS, COLS), np.float32)
    token = np.exp(0.5 * random.standard_normal((1, COLS))).astype(np.float32)
    importance = np.square(token[0].astype(np.float64)).astype(np.float32)
    files = folder / "weights.safetensors", folder / "activations.safetensors"
    save_file({"weight": weights}, files[0])
    save_file({"x": token}, files[1])
    return Layer(weights, importance, *files)


def weighted_relative_rmse(layer: Layer, decoded: np.ndarray) -> float:
    weights = layer.weights.astype(np.float64)
    error = (np.square(weights - decoded) @ layer.importance.astype(np.float64)).sum()
    return float(np.sqrt(error / (np.square(weights) @ layer.importance.astype(np.float64)).sum()))


def time_peer(ggml: Ggml, format_id: str, layer: Layer) -> tuple[float, float]:
    """Wall and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    ggml.encode(format_id, layer.weights, layer.importance)
    return time.perf_counter() - wall, time.process_time() - processor


def time_quantbench(program: Quantbench, method: str, layer: Layer) -> tuple[float, float]:
    """Wall and processor seconds of one call, the median of three; the first call of the process warms up and is not timed."""
    figures, _ = program.layer(layer.weights_file, layer.activations_file, method, repeat=3)
    return float(np.median(figures["quantize_seconds"])), float(np.median(figures["quantize_processor_seconds"]))


def side_by_side(ggml: Ggml, program: Quantbench, format_id: str, layer: Layer, rounds: int) -> dict:
    ggml.encode(format_id, layer.weights, layer.importance)  # makes the library's tables
    load_before = os.getloadavg()[0]
    pairs = [(time_peer(ggml, format_id, layer), time_quantbench(program, format_id, layer)) for _ in range(rounds)]
    figures: dict = {"rounds": rounds, "load": [load_before, os.getloadavg()[0]]}
    for index, clock in enumerate(("wall", "processor")):
        peer, own = ([side[index] for side in sides] for sides in zip(*pairs))
        figures[clock] = {
            "peer_weights_per_second": ROWS * COLS / float(np.median(peer)),
            "quantbench_weights_per_second": ROWS * COLS / float(np.median(own)),
            "ratio_of_medians": float(np.median(peer) / np.median(own)),
            "ratio": spread([theirs / ours for theirs, ours in zip(peer, own)]),
        }
    return figures


# Of the peer's objective, without what quantbench does beyond it for the sake of divergence.
SAME_OBJECTIVE = ":imatrix=on:gain=least_squares"


def errors(ggml: Ggml, program: Quantbench, format_id: str, layer: Layer) -> dict:
    packed = ggml.encode(format_id, layer.weights, layer.importance)
    peer = weighted_relative_rmse(layer, ggml.decode(format_id, packed, ROWS, COLS))

    def own(method: str) -> float:
        return weighted_relative_rmse(layer, program.layer(layer.weights_file, layer.activations_file, method, repeat=1)[1])

    same, standard = own(format_id + SAME_OBJECTIVE), own(format_id)
    return {
        "peer_error": peer,
        "quantbench_error": same,
        "error_ratio": same / peer,
        "default_error": standard,
        "default_error_ratio": standard / peer,
    }


def compare_encoders(ggml: Ggml, program: Quantbench, results: Results, formats: list[str], folder: Path, rounds: int) -> None:
    layer = make_layer(folder)
    conditions = {"quantbench": program.sha256, "peer": ggml.version, "rounds": rounds}
    for format_id in formats:
        if not ggml.supports(format_id):
            results.measure("encode", format_id, conditions, lambda: {"unsupported": True, "family": family_of(format_id)})
            continue
        results.measure("encode", format_id, conditions, lambda: {
            "family": family_of(format_id),
            **side_by_side(ggml, program, format_id, layer, rounds),
            **errors(ggml, program, format_id, layer),
        })  # fmt: skip
