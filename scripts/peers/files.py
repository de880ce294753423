"""Sections `files` and `quality`: GGUF files of one model, written by quantbench and by the peer's encoder."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .ggml import Ggml
from .gguf_file import TensorInfo, read_importance, read_tensor_infos, read_values
from .methods import Method
from .program import EVALUATION_TEXT, Evaluation, Quantbench
from .results import Results
from .runtime import Runtime
from .statistics import paired_difference
from .texts import embedded_text

UNQUANTIZED = ("f32", "f16", "bf16")


@dataclass
class Bench:
    """What both sections need, and the evaluations that they share."""

    ggml: Ggml
    program: Quantbench
    folder: Path
    source: Path  # the model as f16
    imatrix: Path
    chunks: int

    def __post_init__(self) -> None:
        self._evaluations: dict[str, Evaluation] = {}

    def conditions(self) -> dict:
        return {"quantbench": self.program.sha256, "peer": self.ggml.version, "chunks": self.chunks}

    def write(self, method: Method) -> Path:
        path = self.folder / f"{method.key.replace(':', '-').replace(' + ', '-')}.gguf"
        if not path.exists():
            self.program.quantize(path, method.id, self.imatrix if method.importance else None)
        return path

    def evaluate(self, method: Method) -> Evaluation:
        if method.key not in self._evaluations:
            self._evaluations[method.key] = self.program.evaluate(self.write(method), self.chunks)
        return self._evaluations[method.key]


def peer_perplexity(ggml: Ggml, model: Path, chunks: int) -> float:
    with Runtime(ggml, model) as runtime:
        losses = runtime.negative_log_likelihoods(runtime.windows(embedded_text(EVALUATION_TEXT), chunks))
    return math.exp(float(losses.mean()))


def quantized_types(infos: dict[str, TensorInfo]) -> list[str]:
    return sorted({info.type_name for info in infos.values()} - set(UNQUANTIZED))


def compare_file(bench: Bench, method: Method) -> dict:
    path = bench.write(method)
    infos = read_tensor_infos(bench.ggml, path)
    own = bench.evaluate(method).perplexity
    peer = peer_perplexity(bench.ggml, path, bench.chunks)
    return {"types": quantized_types(infos), "bytes": path.stat().st_size, "quantbench_perplexity": own,
            "peer_perplexity": peer, "relative_difference": own / peer - 1}  # fmt: skip


def compare_files(bench: Bench, results: Results, methods: list[Method]) -> None:
    for method in methods:
        results.measure("files", method.key, bench.conditions(), lambda: compare_file(bench, method))


def write_with_peer_encoder(bench: Bench, path: Path, out: Path) -> None:
    """The file at `path` with every quantized tensor encoded anew by the peer, to the same type, from the f16 model."""
    originals = read_tensor_infos(bench.ggml, bench.source)
    importance = read_importance(bench.ggml, bench.imatrix)
    shutil.copyfile(path, out)
    with out.open("r+b") as file:
        for name, info in read_tensor_infos(bench.ggml, path).items():
            if info.type_name in UNQUANTIZED:
                continue
            values = read_values(bench.ggml, bench.source, originals[name])
            columns = importance.get(name)
            packed = bench.ggml.encode(info.type_name, values, None if columns is None else columns.astype(np.float32))
            file.seek(info.offset)
            file.write(packed.tobytes())


def compare_quality(bench: Bench, method: Method) -> dict:
    peer_file = bench.folder / "peer.gguf"
    write_with_peer_encoder(bench, bench.write(method), peer_file)
    own, peer = bench.evaluate(method), bench.program.evaluate(peer_file, bench.chunks)
    return {
        "quantbench": {"perplexity": own.perplexity, "kld": own.kld},
        "peer": {"perplexity": peer.perplexity, "kld": peer.kld},
        "nll_difference": paired_difference(own.nll, peer.nll),
        "kld_difference": paired_difference(own.divergence, peer.divergence),
    }


def compare_qualities(bench: Bench, results: Results, methods: list[Method]) -> None:
    for method in methods:
        if not method.searched:
            continue
        results.measure("quality", method.key, bench.conditions(), lambda: compare_quality(bench, method))
