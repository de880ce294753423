#!/usr/bin/env python3
"""Pairs the cells of a report token by token: by how much two methods differ, and whether that is more than noise.

    scripts/paired.py results/store/mine/report.json gptq:int3:g128 zero_point:int3:g128
    scripts/paired.py report.json A B C D                 # A beside B, C beside D
    scripts/paired.py report.json --every gptq search      # each method with gptq in its id beside the one with search there
    scripts/paired.py report.json --every :imatrix=off ''  # each without importance beside the same with it

Prints the mean KL divergence of both, the difference of the first from the second and its 95 % interval, and the same of
perplexity in percent. Tokens of one window depend on each other, windows hardly: the interval is that of window means.
The report needs its folders nll/ and kld/ beside it.
"""

from __future__ import annotations

import argparse
import array
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

SCORED_PER_WINDOW = {"llamacpp-512": 255, "gptq-512": 511, "gptq-2048": 2047}


@dataclass(frozen=True)
class Difference:
    mean: float
    half: float  # of the 95 % interval

    def __str__(self) -> str:
        return f"{self.mean:+.3g} ± {self.half:.2g}"

    def times(self, factor: float) -> Difference:
        return Difference(self.mean * factor, self.half * factor)

    @property
    def verdict(self) -> str:
        return "less" if self.mean + self.half < 0 else "more" if self.mean - self.half > 0 else "no difference"


class Report:
    def __init__(self, path: Path):
        self.folder = path.parent
        content = json.loads(path.read_text())
        self.protocol = content["dataset"]["protocol"]
        self.cells = {cell["method"]: cell for cell in content["cells"]}

    def cell(self, method: str) -> dict:
        if method not in self.cells:
            sys.exit(f"error: the report has no method {method}; it has {', '.join(self.cells)}")
        return self.cells[method]

    def window_means(self, method: str, kind: str) -> list[float]:
        """kind: nll or kld"""
        name = self.cell(method).get(f"{kind}_file")
        if name is None:
            sys.exit(f"error: {method} has no {kind} of single tokens")
        if self.protocol not in SCORED_PER_WINDOW:
            sys.exit(f"error: how many tokens of a window {self.protocol} scores is not known here")
        values = array.array("f", (self.folder / name).read_bytes())
        size = SCORED_PER_WINDOW[self.protocol]
        return [math.fsum(values[i : i + size]) / size for i in range(0, len(values) - size + 1, size)]


def paired(of: list[float], beside: list[float]) -> Difference:
    differences = [a - b for a, b in zip(of, beside, strict=True)]
    mean = math.fsum(differences) / len(differences)
    variance = math.fsum((value - mean) ** 2 for value in differences) / (len(differences) - 1)
    return Difference(mean, 1.96 * math.sqrt(variance / len(differences)))


def paired_kld(report: Report, of: str, beside: str) -> Difference:
    return paired(report.window_means(of, "kld"), report.window_means(beside, "kld"))


def paired_perplexity(report: Report, of: str, beside: str) -> Difference:
    """In percent of the perplexity of `beside`."""
    log = paired(report.window_means(of, "nll"), report.window_means(beside, "nll"))
    return Difference(100 * math.expm1(log.mean), 100 * math.exp(log.mean) * log.half)


def table(report: Report, pairs: list[tuple[str, str]]) -> list[str]:
    lines = [
        "| method | beside | KLD | KLD beside | difference | | perplexity, % | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for of, beside in pairs:
        divergence, perplexity = paired_kld(report, of, beside), paired_perplexity(report, of, beside)
        means = (report.cell(method)["kld"]["mean"] for method in (of, beside))
        lines.append(
            f"| `{of}` | `{beside}` | {' | '.join(f'{mean:.5f}' for mean in means)} | {divergence} | {divergence.verdict} "
            f"| {perplexity} | {perplexity.verdict} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("methods", nargs="*", help="two and two")
    parser.add_argument("--every", nargs=2, metavar=("PART", "OTHER"), help="each method with PART in its id beside the one with OTHER")
    arguments = parser.parse_intermixed_args()
    report = Report(arguments.report)
    if len(arguments.methods) % 2:
        parser.error("an even number of methods is needed")
    pairs = list(zip(arguments.methods[::2], arguments.methods[1::2]))
    if arguments.every:
        part, other = arguments.every
        replaced = {method: method.replace(part, other) for method in report.cells if part in method}
        pairs += [(method, beside) for method, beside in replaced.items() if beside in report.cells]
    print("\n".join(table(report, pairs)))


if __name__ == "__main__":
    main()
