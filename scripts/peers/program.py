"""quantbench's commands, as functions."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

MODEL = "embedded:stories"
EVALUATION_TEXT = "embedded:stories/eval"
CALIBRATION_TEXT = "embedded:stories/calibration"


class ProgramError(RuntimeError):
    pass


@dataclass(frozen=True)
class Evaluation:
    perplexity: float
    kld: float
    nll: np.ndarray  # of each scored token
    divergence: np.ndarray  # of each scored token


class Quantbench:
    def __init__(self, path: Path, scratch: Path) -> None:
        if not path.is_file():
            raise ProgramError(f"{path}: no such program; build it (cmake --build --preset release) or say --quantbench")
        self._path = path.resolve()
        self._scratch = scratch
        self.sha256 = hashlib.sha256(self._path.read_bytes()).hexdigest()

    def version(self) -> str:
        return self._run("--version").strip()

    def layer(self, weights: Path, activations: Path, method: str, repeat: int) -> tuple[dict, np.ndarray]:
        """The figures of `quantbench layer`, and the decoded weights."""
        out, figures = self._scratch / "layer.safetensors", self._scratch / "layer.json"
        self._run("layer", weights, "--activations", activations, "--method", method, "--out", out, "--json", figures,
                  "--threads", 1, "--repeat", repeat)  # fmt: skip
        return json.loads(figures.read_text()), load_file(out)["weight"]

    def quantize(self, out: Path, method: str, imatrix: Path | None = None, calibration_chunks: int | None = None) -> None:
        options = [] if imatrix is None else ["--imatrix", imatrix]
        if calibration_chunks is not None:
            options += ["--calibration", CALIBRATION_TEXT, "--chunks", calibration_chunks]
        self._run("quantize", MODEL, out, "--method", method, "--threads", 1, *options)

    def convert(self, source: Path, out: Path, method: str) -> None:
        self._run("quantize", source, out, "--method", method)

    def tokens_per_second(self, model: Path, chunks: int, threads: int, compute: str) -> float:
        figures = self._scratch / "perplexity.json"
        self._run("perplexity", model, "--text", EVALUATION_TEXT, "--chunks", chunks, "--threads", threads, "--compute", compute,
                  "--json", figures)  # fmt: skip
        return json.loads(figures.read_text())["tokens_per_second"]

    def kernels(self, format_id: str, shapes: str, batches: str, threads: str) -> list[dict]:
        """Entries of a report: products of this format, in integers and in bf16, on the best instruction set."""
        options = ["--shapes", shapes, "--batches", batches, "--threads", threads]
        products = f"^(matvec_int8|matvec_repacked|matmul_int8|matmul_bf16)/{format_id}/"
        listed = self._run("kernels", *options, "--benchmark_list_tests", f"--benchmark_filter={products}").split()
        best = listed[-1].split("/")[2]
        out = self._scratch / "kernels.json"
        out.unlink(missing_ok=True)
        self._run("kernels", *options, "--out", out, "--benchmark_min_time=0.2", f"--benchmark_filter={products}{best}/")
        return json.loads(out.read_text())["kernels"]

    def calibrate(self, model: str | Path, out: Path, chunks: int, with_output: bool) -> None:
        self._run("calibrate", model, "--text", CALIBRATION_TEXT, "--chunks", chunks, "--out", out, "--threads", 1,
                  *(["--output"] if with_output else []))  # fmt: skip

    def evaluate(self, model: Path, chunks: int) -> Evaluation:
        tokens, figures = self._scratch / "tokens.safetensors", self._scratch / "perplexity.json"
        self._run("perplexity", model, "--text", EVALUATION_TEXT, "--chunks", chunks, "--base", MODEL, "--json", figures,
                  "--tokens", tokens, "--threads", 1)  # fmt: skip
        summary, columns = json.loads(figures.read_text()), load_file(tokens)
        return Evaluation(
            summary["perplexity"]["value"],
            summary["kld"]["mean"],
            columns["nll"][0].astype(np.float64),
            columns["divergence"][0].astype(np.float64),
        )

    def _run(self, *arguments: object) -> str:
        command = [str(self._path), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ProgramError(f"{' '.join(command)}\n{result.stderr.strip()}")
        return result.stdout
