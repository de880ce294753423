#!/usr/bin/env python3
"""Run configs/sweeps/calibration_size.yaml for several sizes and kinds of calibration text and compare the results.

    scripts/calibration_size.py                              # into results/calibration_size/README.md
    scripts/calibration_size.py --chunks 4,64 --quantbench build/release/eval/quantbench

Runs that are finished are not repeated: they are kept in results/store/calibration_size-*.
Needs Python 3.10 and a built quantbench.
"""

from __future__ import annotations

import argparse
import array
import json
import math
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs/sweeps/calibration_size.yaml"
SCORED_PER_WINDOW = 255  # of llamacpp-512
TEXTS = {"stories": "embedded:stories/calibration", "letters": "embedded:stories/letters"}


def run(program: Path, text: str, chunks: int) -> dict:
    folder = ROOT / f"results/store/calibration_size-{text}-{chunks}"
    command = [program, "run", CONFIG, "--out", folder, "--set", f"calibration.text={TEXTS[text]}", "--set", f"calibration.chunks={chunks}"]
    result = subprocess.run([str(part) for part in command], check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)
    report = json.loads((folder / "report.json").read_text())
    for cell in report["cells"]:
        cell["nll_path"] = folder / cell["nll_file"]
    return report


def window_means(cell: dict, windows: int) -> list[float]:
    """Mean negative log-likelihood of each window: neighbouring tokens depend on each other, windows hardly."""
    values = array.array("f", cell["nll_path"].read_bytes())
    size = len(values) // windows
    return [math.fsum(values[i * size : (i + 1) * size]) / size for i in range(windows)]


def paired_difference(cell: dict, other: dict, windows: int) -> tuple[float, float]:
    """Percent of perplexity that `other` has more, and half of the 95 % interval of it."""
    differences = [b - a for a, b in zip(window_means(cell, windows), window_means(other, windows))]
    mean = math.fsum(differences) / windows
    variance = math.fsum((value - mean) ** 2 for value in differences) / (windows - 1)
    return 100 * math.expm1(mean), 196 * math.sqrt(variance / windows)


def cells_of(report: dict) -> dict[str, dict]:
    return {cell["method"]: cell for cell in report["cells"]}


def write(reports: dict[tuple[str, int], dict], chunks: list[int], out: Path) -> None:
    first = next(iter(reports.values()))
    windows = first["cells"][0]["perplexity"]["tokens"] // SCORED_PER_WINDOW
    methods = [method for method in cells_of(first) if method != "f32"]
    lines = [
        "# How much calibration text, and of which kind",
        "",
        "Written by `scripts/calibration_size.py` from `configs/sweeps/calibration_size.yaml`: perplexity and mean KL divergence of the",
        f"embedded model on {windows} windows of 512 tokens of stories, after calibration on n windows of 512 tokens of stories (in the domain of",
        f"what is evaluated) or of letters and recipes (out of it).",
        "",
    ]
    for text in TEXTS:
        header = ["method", *(f"n = {count}" for count in chunks)]
        lines += [f"## Calibrated on {text}", "", f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
        for method in methods:
            row = [f"`{method}`"]
            for count in chunks:
                cell = cells_of(reports[text, count])[method]
                row.append(f"{cell['perplexity']['value']:.4f}, KLD {cell['kld']['mean']:.5f}")
            lines.append(f"| {' | '.join(row)} |")
        lines.append("")
    lines += [
        "## What letters cost",
        "",
        "Percent of perplexity more after calibration on letters than on as many windows of stories, paired by window, with its 95 % interval.",
        "",
        f"| {' | '.join(['method', *(f'n = {count}' for count in chunks)])} |",
        "|" + "---|" * (len(chunks) + 1),
    ]
    for method in methods:
        row = [f"`{method}`"]
        for count in chunks:
            inside, outside = (cells_of(reports[text, count])[method] for text in TEXTS)
            mean, half = paired_difference(inside, outside, windows)
            row.append(f"{mean:+.3f} ± {half:.3f}")
        lines.append(f"| {' | '.join(row)} |")
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text("\n".join(lines) + "\n")
    print(f"written: {out / 'README.md'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantbench", type=Path, default=ROOT / "build/release/eval/quantbench", help="the program")
    parser.add_argument("--chunks", default="4,16,64", help="windows to calibrate on, with commas between")
    parser.add_argument("--out", type=Path, default=ROOT / "results/calibration_size", help="folder of the table")
    options = parser.parse_args()
    chunks = [int(count) for count in options.chunks.split(",")]
    reports = {(text, count): run(options.quantbench, text, count) for text in TEXTS for count in chunks}
    write(reports, chunks, options.out)


if __name__ == "__main__":
    main()
