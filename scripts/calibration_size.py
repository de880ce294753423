#!/usr/bin/env python3
"""Run configs/sweeps/calibration_size.yaml for several sizes and kinds of calibration text and compare the results.

    scripts/calibration_size.py                              # into results/calibration_size/README.md
    scripts/calibration_size.py --chunks 4,64 --quantbench build/release/eval/quantbench

Runs that are finished are not repeated: they are kept in results/store/calibration_size-*.
Needs Python 3.10 and a built quantbench.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from paired import Difference, Report, paired

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs/sweeps/calibration_size.yaml"
TEXTS = {"stories": "embedded:stories/calibration", "letters": "embedded:stories/letters"}


def run(program: Path, text: str, chunks: int) -> Report:
    folder = ROOT / f"results/store/calibration_size-{text}-{chunks}"
    command = [program, "run", CONFIG, "--out", folder, "--set", f"calibration.text={TEXTS[text]}", "--set", f"calibration.chunks={chunks}"]
    result = subprocess.run([str(part) for part in command], check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)
    return Report(folder / "report.json")


def cost_of_letters(reports: dict[tuple[str, int], Report], method: str, chunks: int, kind: str) -> Difference:
    inside, outside = (reports[text, chunks].window_means(method, kind) for text in TEXTS)
    return paired(outside, inside)


def table(methods: list[str], chunks: list[int], figure) -> list[str]:
    lines = [f"| {' | '.join(['method', *(f'n = {count}' for count in chunks)])} |", "|" + "---|" * (len(chunks) + 1)]
    return lines + [f"| `{method}` | {' | '.join(figure(method, count) for count in chunks)} |" for method in methods] + [""]


def write(reports: dict[tuple[str, int], Report], chunks: list[int], out: Path) -> None:
    first = next(iter(reports.values()))
    windows = len(first.window_means("f32", "nll"))
    methods = [method for method in first.cells if method not in ("f32", "f16")]
    lines = [
        "# How much calibration text, and of which kind",
        "",
        "Written by `scripts/calibration_size.py` from `configs/sweeps/calibration_size.yaml`: mean KL divergence and perplexity of the",
        f"embedded model on {windows} windows of 512 tokens of stories, after calibration on n windows of 512 tokens of stories (the domain of",
        "what is evaluated) or of letters and recipes (another one).",
        "",
    ]
    for text in TEXTS:
        def figures(method: str, count: int) -> str:
            cell = reports[text, count].cell(method)
            return f"{cell['kld']['mean']:.5f} ({cell['perplexity']['value']:.4f})"
        lines += [f"## Calibrated on {text}", "", *table(methods, chunks, figures)]
    lines += ["## What letters cost", "", "More after calibration on letters than on as many windows of stories, paired by window, with its 95 % interval.", ""]
    lines += ["Divergence, in thousandths of a nat:", ""]
    lines += table(methods, chunks, lambda method, count: str(cost_of_letters(reports, method, count, "kld").times(1000)))
    lines += ["Logarithm of perplexity, in thousandths:", ""]
    lines += table(methods, chunks, lambda method, count: str(cost_of_letters(reports, method, count, "nll").times(1000)))
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text("\n".join(lines))
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
