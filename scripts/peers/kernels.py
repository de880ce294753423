"""Section `kernels`: products of packed weights with one row and with many rows of activations, both programs in turn."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from .ggml import Ggml
from .products import NotRepacked, Products
from .program import Quantbench
from .results import Results
from .statistics import spread

SHAPES = ((4096, 4096), (4096, 11008))
PREFILL = 256
THREADS = (1, 2)
ROTATION_BYTES = 1 << 30  # of copies taken in turn, as `quantbench kernels` does
ENCODED_ROWS = 64  # repeated: how fast a product is does not depend on the values


@dataclass(frozen=True)
class Case:
    outputs: int
    inputs: int
    batch: int
    threads: int

    @property
    def name(self) -> str:
        return f"{self.outputs}x{self.inputs}x{self.batch}/threads:{self.threads}"


def ops(case: Case) -> tuple[str, ...]:
    return ("matvec_int8", "matvec_repacked") if case.batch == 1 else ("matmul_int8", "matmul_bf16")


def cases() -> list[Case]:
    return [Case(*shape, batch, threads) for shape in SHAPES for batch in (1, PREFILL) for threads in THREADS]


def encoded(ggml: Ggml, format_id: str, outputs: int, inputs: int) -> np.ndarray:
    """(outputs, bytes of a row)"""
    weights = np.random.default_rng(7).standard_normal((ENCODED_ROWS, inputs), np.float32)
    packed = ggml.encode(format_id, weights, np.ones(inputs, np.float32)).reshape(ENCODED_ROWS, -1)
    return np.tile(packed, (outputs // ENCODED_ROWS, 1))


def has_repacked(ggml: Ggml, format_id: str, weights: np.ndarray) -> bool:
    try:
        with Products(ggml, format_id, weights, 1, 1, repacked=True):
            return True
    except NotRepacked:
        return False


def time_peer(ggml: Ggml, format_id: str, weights_of: dict[tuple[int, int], np.ndarray], repacked: bool) -> dict[str, float]:
    """Seconds of a product, the fastest of a few, by case; the first call wakes the threads and is not timed."""
    seconds = {}
    for (outputs, inputs), weights in weights_of.items():
        for batch in (1, PREFILL):
            copies = max(2, ROTATION_BYTES // weights.nbytes) if batch == 1 else 2
            with Products(ggml, format_id, weights, batch, copies, repacked) as products:
                for threads in THREADS:
                    products.run(threads)
                    seconds[Case(outputs, inputs, batch, threads).name] = min(products.run(threads) for _ in range(2))
    return seconds


def time_quantbench(program: Quantbench, format_id: str) -> dict[str, dict]:
    """The kernels' entries of a report, by op and case."""
    shapes = ",".join(f"{outputs}x{inputs}" for outputs, inputs in SHAPES)
    found = program.kernels(format_id, shapes, f"1,{PREFILL}", ",".join(map(str, THREADS)))
    return {f"{entry['id'].split('/')[0]}/{entry['shape']}/threads:{entry['threads']}": entry for entry in found}


def compare_format(ggml: Ggml, program: Quantbench, format_id: str, rounds: int) -> dict:
    weights_of = {shape: encoded(ggml, format_id, *shape) for shape in SHAPES}
    variants = {"default": False}
    if has_repacked(ggml, format_id, weights_of[SHAPES[0]]):
        variants["repacked"] = True
    figures: dict = {"rounds": rounds, "load": [os.getloadavg()[0]]}
    sides = []
    for _ in range(rounds):
        peers = {name: time_peer(ggml, format_id, weights_of, repacked) for name, repacked in variants.items()}
        sides.append((peers, time_quantbench(program, format_id)))
    figures["load"].append(os.getloadavg()[0])
    for case in cases():
        fastest = [min(seconds[case.name] for seconds in peers.values()) for peers, _ in sides]
        peer_seconds = {name: float(np.median([peers[name][case.name] for peers, _ in sides])) for name in variants}
        for op in ops(case):
            name = f"{op}/{case.name}"
            if name not in sides[0][1]:
                continue  # not every format is repacked
            figures[name] = {"peer_seconds": peer_seconds, **figures_of([entries[name] for _, entries in sides], fastest)}
    return figures


def figures_of(own: list[dict], fastest: list[float]) -> dict:
    """Of the entries of all rounds, beside the peer's seconds in each."""
    figures = {
        "quantbench_seconds": float(np.median([entry["seconds_median"] for entry in own])),
        "bytes_per_second": float(np.median([entry["bytes_per_second"] for entry in own])),
        "flops_per_second": float(np.median([entry["flops_per_second"] for entry in own])),
        "peak": own[0]["peak"],
        "percent_of_peak": spread([entry["percent_of_peak"] for entry in own]),
        "ratio": spread([peer / entry["seconds_median"] for peer, entry in zip(fastest, own)]),
    }
    if "percent_of_reading" in own[0]:
        figures["percent_of_reading"] = spread([entry["percent_of_reading"] for entry in own])
    if "repacking_seconds" in own[0]:
        figures["repacking_seconds"] = float(np.median([entry["repacking_seconds"] for entry in own]))
        figures["repacked_bytes"] = own[0]["repacked_bytes"]
    return figures


def compare_kernels(ggml: Ggml, program: Quantbench, results: Results, formats: list[str], rounds: int) -> None:
    conditions = {"quantbench": program.sha256, "peer": ggml.version, "rounds": rounds}
    for format_id in formats:
        if ggml.supports(format_id):
            results.measure("kernels", format_id, conditions, lambda: compare_format(ggml, program, format_id, rounds))
