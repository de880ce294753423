"""Section `imatrix`: `quantbench calibrate` against sums of x^2 of what the peer's runtime multiplies with each matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .ggml import Ggml, PeerError
from .gguf_file import read_importance
from .program import CALIBRATION_TEXT, Quantbench
from .results import Results
from .runtime import InputSquares, Runtime
from .texts import embedded_text


def peer_importance(ggml: Ggml, model: Path, chunks: int) -> dict[str, np.ndarray]:
    squares = InputSquares(ggml.functions)
    with Runtime(ggml, model, observe=squares) as runtime:
        for _ in runtime.logits(runtime.windows(embedded_text(CALIBRATION_TEXT), chunks)):
            pass
    return squares.means()


def largest_difference(own: np.ndarray, peer: np.ndarray) -> float:
    return float(np.max(np.abs(own - peer) / peer))


def differences(own: dict[str, np.ndarray], peer: dict[str, np.ndarray]) -> dict[str, float]:
    # A model without `output.weight` multiplies with the embedding, under whose name the peer's runtime knows it.
    absent = sorted(set(own) - set(peer))
    if absent:
        raise PeerError(f"the peer's runtime multiplied nothing with {', '.join(absent)}")
    return {name: largest_difference(values, peer[name]) for name, values in own.items()}


def compare_importance(ggml: Ggml, program: Quantbench, results: Results, models: dict[str, Path], folder: Path, chunks: int) -> None:
    """`models`: by precision. Rounding of activations in the peer's f16 products is absent from its f32 ones."""
    conditions = {"quantbench": program.sha256, "peer": ggml.version, "chunks": chunks}

    def measure(model: Path) -> dict:
        file = folder / "compared.imatrix.gguf"
        program.calibrate(model, file, chunks, with_output=True)
        return {"tensors": differences(read_importance(ggml, file), peer_importance(ggml, model, chunks))}

    for precision, model in models.items():
        results.measure("imatrix", precision, conditions, lambda: measure(model))
