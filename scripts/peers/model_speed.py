"""Section `model_speed`: tokens per second of perplexity evaluation, both programs in turn on the same files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .ggml import Ggml
from .program import EVALUATION_TEXT, Quantbench
from .results import Results
from .runtime import Runtime
from .statistics import spread
from .texts import embedded_text

TYPES = ("f16", "q4_0", "q4_k", "q2_k", "iq4_xs")
COMPUTES = ("exact", "native", "bf16")
CHUNKS, THREADS = 8, 2


def make_model(folder: Path) -> Path:
    path = folder / "random.gguf"
    script = Path(__file__).resolve().parent.parent / "make_random_llama.py"
    subprocess.run([sys.executable, script, path], check=True, capture_output=True)
    return path


def time_peer(ggml: Ggml, model: Path) -> float:
    """Tokens per second of logits and the losses of the scored half, as the other program computes."""
    with Runtime(ggml, model, threads=THREADS) as runtime:
        windows = runtime.windows(embedded_text(EVALUATION_TEXT), CHUNKS)
        for _ in runtime.logits(windows[:1]):  # wakes the threads
            pass
        start = time.perf_counter()
        for _ in runtime.logits(windows):  # without the losses: numpy's time is not the peer's
            pass
        return windows.size / (time.perf_counter() - start)


def compare_type(ggml: Ggml, program: Quantbench, source: Path, type_name: str, rounds: int) -> dict:
    model = source.with_name("typed.gguf")
    program.convert(source, model, "f16" if type_name == "f16" else f"{type_name}:effort=fast")
    peer, own = [], {compute: [] for compute in COMPUTES}
    for _ in range(rounds):
        peer.append(time_peer(ggml, model))
        for compute in COMPUTES:
            own[compute].append(program.tokens_per_second(model, CHUNKS, THREADS, compute))
    figures: dict = {"peer_tokens_per_second": float(np.median(peer))}
    for compute in COMPUTES:
        figures[compute] = {
            "tokens_per_second": float(np.median(own[compute])),
            "ratio": spread([ours / theirs for ours, theirs in zip(own[compute], peer)]),
        }
    return figures


def compare_model_speed(ggml: Ggml, program: Quantbench, results: Results, folder: Path, rounds: int) -> None:
    conditions = {"quantbench": program.sha256, "peer": ggml.version, "rounds": rounds, "chunks": CHUNKS, "threads": THREADS}
    source = make_model(folder)
    for type_name in TYPES:
        results.measure("model_speed", type_name, conditions, lambda: compare_type(ggml, program, source, type_name, rounds))
