#!/usr/bin/env python3
"""What each effort of the solver `search` costs and gains: error from results/gguf_encoders.md, speed measured here.

    scripts/gguf_encoders.sh && scripts/encoder_effort.py      # into results/encoder_effort.md

The speed is that of `quantbench kernels --benchmark_filter='^encode/'`, one thread, rows of 4096 weights with importance.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EFFORTS = ("fast", "default", "best")


def speeds(program: Path, rounds: int, seconds: float) -> tuple[dict[tuple[str, str], list[float]], str]:
    """Million weights per second of each format and effort, one figure for each round, and the instruction set."""
    figures: dict[tuple[str, str], list[float]] = {}
    isa = ""
    for _ in range(rounds):
        command = [program, "kernels", "--benchmark_filter=^encode/.*/search-.*/threads:1", "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
        output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
        for benchmark in json.loads(output[output.index("{") :])["benchmarks"]:
            _, format_id, solver, isa, shape, *_ = benchmark["name"].split("/")
            rows, cols, _ = (int(size) for size in shape.split("x"))
            per_second = rows * cols / (benchmark["real_time"] * 1e-9) / 1e6
            assert benchmark["time_unit"] == "ns"
            figures.setdefault((format_id, solver.removeprefix("search-")), []).append(per_second)
    return figures, isa


def errors() -> dict[str, list[str]]:
    """Reference, fast, default and best: of the Gaussian tensor with importance."""
    rows = (line.strip("| ").split(" | ") for line in (ROOT / "results/gguf_encoders.md").read_text().splitlines())
    return {row[0]: row[3:7] for row in rows if row[1:3] == ["gauss", "yes"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantbench", type=Path, default=ROOT / "build/release/eval/quantbench", help="the program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each benchmark")
    parser.add_argument("--out", type=Path, default=ROOT / "results/encoder_effort.md")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    figures, isa = speeds(arguments.quantbench, arguments.rounds, arguments.seconds)
    lines = [
        "# The efforts of `search`: error and speed",
        "",
        "Written by `scripts/encoder_effort.py`. Errors are the relative RMSE with importance of the Gaussian tensor of",
        "[gguf_encoders.md](gguf_encoders.md), beside the reference encoder's; speeds are millions of weights per second on one thread,",
        f"the median of {arguments.rounds} rounds with the least and the most, {isa}, rows of 4096 weights with importance.",
        f"{datetime.date.today().isoformat()}; load of the machine {load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
        "",
        "| format | reference | fast | default | best | fast, Mw/s | default, Mw/s | best, Mw/s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for format_id, of_format in errors().items():
        if (format_id, "default") not in figures:
            continue
        cells = []
        for effort in EFFORTS:
            values = figures[format_id, effort]
            cells.append(f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]")
        lines.append(f"| {' | '.join([format_id, *of_format, *cells])} |")
    arguments.out.write_text("\n".join(lines) + "\n")
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
