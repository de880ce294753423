#!/usr/bin/env python3
"""Run cells of several kinds on models of several sizes, and fit what the operations that `quantbench run --dry-run` counts cost.

    scripts/fit_costs.py                     # into results/scaling.json and results/scaling.md; some minutes
    scripts/fit_costs.py --quantbench build/release/eval/quantbench --threads 2

A cost is in units of one floating point operation of a product in the forward pass, whose speed is measured before every run; what
comes out belongs into eval/runner/machine_speed.cpp. docs/scaling.md says what the operations are. Needs Python 3.10, numpy and a
built quantbench.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIZES = [(256, 6, 768), (512, 4, 1536), (768, 3, 2048)]  # width, layers, feed-forward
CHUNKS = [2, 4]  # of 256 tokens
METHODS = ["f32", "absmax:int4:g128", "rtn:q8_0", "q4_k", "gptq:int4:g128", "awq:int4:g128", "awq:int4:g128:clip", "awq+gptq:int3:g128"]
# What is fitted; "products" is the correction of the measured speed, which should be 1.
PRODUCTS = ["evaluating", "output", "calibrating", "searching"]
COSTS = ["logits", "moments", "factoring", "feedback", "clipping", "compared"]


def config_of(model: Path, chunks: int) -> str:
    return json.dumps({
        "name": f"{model.stem}-{chunks}", "model": str(model), "metrics": ["rmse", "perplexity", "kld"], "methods": METHODS,
        "dataset": {"text": "embedded:stories/eval", "protocol": "llamacpp-512", "n_ctx": 256, "chunks": chunks},
        "calibration": {"text": "embedded:stories/calibration", "n_ctx": 256, "chunks": chunks}})


def quantbench(options: argparse.Namespace, *arguments: object) -> str:
    command = [str(options.quantbench), *map(str, arguments), "--threads", str(options.threads)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"error: {' '.join(command)} failed")
    return result.stdout


def measure(options: argparse.Namespace, folder: Path) -> list[dict]:
    """One row for each cell: its operations, what was predicted, and what it took."""
    rows = []
    for width, layers, feed_forward in SIZES:
        model = folder / f"random-{width}.gguf"
        subprocess.run([sys.executable, ROOT / "scripts/make_random_llama.py", model, "--width", str(width), "--layers", str(layers),
                        "--heads", str(width // 64), "--feed-forward", str(feed_forward), "--vocabulary", "8192"], check=True)
        for chunks in CHUNKS:
            config = folder / f"{model.stem}-{chunks}.yaml"
            config.write_text(config_of(model, chunks))
            out = folder / f"out-{model.stem}-{chunks}"
            plan = json.loads(quantbench(options, "run", config, "--out", out, "--dry-run", "--json"))
            quantbench(options, "run", config, "--out", out)
            report = json.loads((out / "report.json").read_text())
            for planned, cell in zip(plan["cells"], report["cells"]):
                encoding = sum(weights * plan["speed"]["encoding_seconds"][method] for method, weights in planned["work"]["encoded"].items())
                rows.append({"width": width, "layers": layers, "parameters": report["model"]["parameters"], "windows": chunks,
                             "method": cell["method"], "seconds": cell["seconds"], "predicted_seconds": planned["seconds"],
                             "encoding_seconds": encoding, "operations_per_second": plan["speed"]["operations_per_second"],
                             "work": planned["work"]})
    return rows


def fit(rows: list[dict]) -> dict[str, float]:
    """Least squares of relative errors, no cost below zero: one cost after the other until nothing moves."""
    names = ["products", *COSTS]

    def operations(row: dict, name: str) -> float:
        work = row["work"]
        return sum(work[part] for part in PRODUCTS) if name == "products" else work[name]

    seconds = np.array([row["seconds"] for row in rows])
    matrix = np.array([[operations(row, name) / row["operations_per_second"] for name in names] for row in rows]) / seconds[:, None]
    target = np.array([(row["seconds"] - row["encoding_seconds"]) / row["seconds"] for row in rows])
    costs = np.ones(len(names))
    for _ in range(20000):
        before = costs.copy()
        for index in range(len(names)):
            rest = target - matrix @ costs + matrix[:, index] * costs[index]
            costs[index] = max(0.0, float(matrix[:, index] @ rest) / max(float(matrix[:, index] @ matrix[:, index]), 1e-300))
        if np.abs(costs - before).max() < 1e-9 * np.abs(costs).max():
            break
    return dict(zip(names, map(float, costs)))


def fitted_seconds(row: dict, costs: dict[str, float]) -> float:
    operations = costs["products"] * sum(row["work"][part] for part in PRODUCTS) + sum(costs[name] * row["work"][name] for name in COSTS)
    return row["encoding_seconds"] + operations / row["operations_per_second"]


def table(rows: list[dict], costs: dict[str, float]) -> str:
    lines = ["# Seconds of cells by size of model, text and method", "",
             "Measured and fitted by `scripts/fit_costs.py` on random models of three sizes (windows of 256 tokens, as many of calibration);",
             "what the costs mean: [docs/scaling.md](../docs/scaling.md). Predicted: by `run --dry-run` before the run.", "",
             "| cost, in operations of a product | " + " | ".join(costs) + " |", "|---" * (len(costs) + 1) + "|",
             "| fitted | " + " | ".join(f"{cost:.3g}" for cost in costs.values()) + " |", "",
             "| parameters | windows | method | seconds | fitted | ratio | predicted | ratio |", "|---:|---:|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        fitted, predicted = fitted_seconds(row, costs), row["predicted_seconds"]
        lines.append(f"| {row['parameters'] / 1e6:.1f} M | {row['windows']} | {row['method']} | {row['seconds']:.2f} | "
                     f"{fitted:.2f} | {fitted / row['seconds']:.2f} | {predicted:.2f} | {predicted / row['seconds']:.2f} |")
    lines.append("")
    for name, seconds in (("Fitted", [fitted_seconds(row, costs) for row in rows]), ("Predicted", [row["predicted_seconds"] for row in rows])):
        factors = sorted(max(one / row["seconds"], row["seconds"] / one) for one, row in zip(seconds, rows))
        lines.append(f"{name}: of {len(rows)} cells {sum(factor <= 1.5 for factor in factors)} within a factor of 1.5, "
                     f"median {factors[len(factors) // 2]:.2f}, worst {factors[-1]:.2f}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantbench", type=Path, default=ROOT / "build/release/eval/quantbench")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options, Path(folder))
    costs = fit(rows)
    (options.out / "scaling.json").write_text(json.dumps({"costs": costs, "cells": rows}, indent=1) + "\n")
    (options.out / "scaling.md").write_text(table(rows, costs))
    print(table(rows, costs))


if __name__ == "__main__":
    main()
