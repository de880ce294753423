#!/usr/bin/env python3
"""Time and peak memory of GPTQ on one layer, beside a rendering of the published algorithm in torch, in turn on this machine.

    pip install -r scripts/gptq_timing/requirements.txt
    scripts/gptq_timing/gptq_timing.py                       # into results/gptq_timing.md
    scripts/gptq_timing/gptq_timing.py --size 1024 --rounds 3 --threads 1

A layer of 4096 x 4096 Student-t weights and 2048 tokens of correlated inputs. Timed are the Hessian, its factor and the columns,
without reading and writing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BITS, GROUP = 4, 128
METHODS = {
    "as published (`reference`)": f"gptq:int{BITS}:g{GROUP}:asym:reference",
    "as published, scales in f16 before the columns (`minmax`)": f"gptq:int{BITS}:g{GROUP}:asym:minmax",
    "default": f"gptq:int{BITS}:g{GROUP}:asym",
}


def make_layer(folder: Path, size: int, tokens: int) -> tuple[Path, Path]:
    random = np.random.default_rng(5)
    weights = (0.02 * random.standard_t(5, (size, size))).astype(np.float32)
    mixing = random.standard_normal((size, size), np.float32) / np.sqrt(size)
    x = random.standard_normal((tokens, size), np.float32)
    x = (0.7 * x + 0.7 * (x @ mixing)) * np.exp(0.5 * random.standard_normal(size)).astype(np.float32)
    paths = folder / "weights.safetensors", folder / "activations.safetensors"
    save_file({"weight": weights}, paths[0])
    save_file({"x": x.astype(np.float32)}, paths[1])
    return paths


def peak_mib(command: list[str]) -> float:
    """Runs it and returns the peak of its resident memory."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"error: {' '.join(command)} failed")
    return usage.ru_maxrss / 1024


def run_quantbench(program: Path, files: tuple[Path, Path], method: str, folder: Path, threads: int) -> dict:
    out = folder / "quantbench.json"
    command = [program, "layer", files[0], "--activations", files[1], "--method", method, "--out", folder / "q.safetensors",
               "--json", out, "--repeat", 1, "--threads", threads]  # fmt: skip
    peak = peak_mib([str(part) for part in command])
    figures = json.loads(out.read_text())
    seconds = {"calibration": figures["calibration_seconds"][0], "rest": figures["quantize_seconds"][0]}
    return {"seconds": seconds, "peak_mib": peak, "layer_error": figures["layer_error"]}


def run_reference(files: tuple[Path, Path], folder: Path, threads: int) -> dict:
    out = folder / "reference.json"
    command = [sys.executable, HERE / "reference.py", *files, out, "--bits", BITS, "--group", GROUP, "--threads", threads]
    peak_mib([str(part) for part in command])
    figures = json.loads(out.read_text())
    seconds = figures["seconds"]
    return figures | {"seconds": {"calibration": seconds["calibration"], "rest": seconds["factor"] + seconds["columns"]}}


def total(run: dict) -> float:
    return sum(run["seconds"].values())


def median_of(runs: list[dict], figure) -> float:
    return statistics.median(figure(run) for run in runs)


def row(name: str, runs: list[dict], reference: list[dict]) -> str:
    ratios = sorted(total(theirs) / total(ours) for theirs, ours in zip(reference, runs))
    parts = (median_of(runs, lambda run: run["seconds"][part]) for part in ("calibration", "rest"))
    calibration, rest = parts
    error = runs[0]["layer_error"] / reference[0]["layer_error"]
    return (
        f"| {name} | {calibration:.2f} | {rest:.2f} | {median_of(runs, total):.2f} | **{statistics.median(ratios):.2f}** "
        f"[{ratios[0]:.2f}, {ratios[-1]:.2f}] | {median_of(runs, lambda run: run['peak_mib']):.0f} | {error:.4f} |"
    )


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))


def render(arguments: argparse.Namespace, runs: dict[str, list[dict]], load: list[float]) -> str:
    import torch

    reference = runs["torch"]
    rows = [row(f"torch {torch.__version__}, as published", reference, reference)]
    rows += [row(f"quantbench, {name}", runs[name], reference) for name in METHODS]
    return "\n".join([
        "# GPTQ on one layer: time and memory",
        "",
        "Written by `scripts/gptq_timing/gptq_timing.py`, which runs both in turn: GPTQ to int4, groups of 128, asymmetric, of a layer of",
        f"{arguments.size} x {arguments.size} weights with the Hessian of {arguments.tokens} tokens. *calibration* is the Hessian, *rest* its factor and the columns;",
        f"seconds are medians of {arguments.rounds} rounds, in brackets the smallest and largest ratio of a round. Peak resident memory is that of the whole",
        "process: of torch its libraries (some 250 MiB), of both the layer and its activations; quantbench also decodes what it quantized",
        "and computes the layer error. *error* is the layer error over that of the rendering.",
        "",
        f"{arguments.threads} threads; {cpu_name()}; load {min(load):.1f} to {max(load):.1f}.",
        "",
        "| | calibration, s | rest, s | total, s | times faster | peak, MiB | error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantbench", type=Path, default=ROOT / "build/release/eval/quantbench", help="the program")
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of the layer")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "results/gptq_timing.md")
    arguments = parser.parse_args()
    runs: dict[str, list[dict]] = {"torch": [], **{name: [] for name in METHODS}}
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="gptq_timing_") as name:
        folder = Path(name)
        files = make_layer(folder, arguments.size, arguments.tokens)
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", flush=True)
            runs["torch"].append(run_reference(files, folder, arguments.threads))
            for label, method in METHODS.items():
                runs[label].append(run_quantbench(arguments.quantbench, files, method, folder, arguments.threads))
            load.append(os.getloadavg()[0])
    arguments.out.write_text(render(arguments, runs, load))
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
