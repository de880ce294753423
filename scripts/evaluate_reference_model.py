#!/usr/bin/env python3
"""Measure the exported `stories` model and write the files that belong beside it.

Into the folder of the GGUF file go the held-out and calibration texts, expected.json
(for the C++ tests), measurements.json (the figures of the model card), the training log
and the loss curve.  Everything is computed from the f16 file itself, in f32, and the
texts are tokenized by the greedy encoder with the vocabulary of the file; both are
checked against the sentencepiece tokenizer.

Protocol llamacpp-512: the whole text is tokenized with a leading BOS and cut into
disjoint windows of 512 tokens, the first token of each is replaced by BOS, and only the
predictions at positions 256..510 (of tokens 257..511) count, 255 per window.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from torch import Tensor

import stories_corpus
from ngram_baseline import KneserNey
from stories_gguf import read_gguf
from stories_model import ModelConfig, StoriesModel
from stories_tokenizer import BOS_ID, greedy_encode, load_tokenizer
from train_reference_model import FIRST_SCORED, LOG, TRAIN_SEED, WINDOW, scored_losses, scored_windows

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402  (the backend must be chosen first)

# file name: (register, seed, bytes)
TEXTS = {
    "eval.txt": ("stories", 101, 360_000),
    "calibration_stories.txt": ("stories", 201, 200_000),
    "calibration_letters.txt": ("letters", 202, 200_000),
}
CHARACTERS_PER_TOKEN = 4  # an upper bound, to regenerate at least the training text
GROUP = 64
BITS = (8, 4, 3, 2)
QUANTIZED = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def load_model(tensors: dict[str, np.ndarray], layers: int) -> StoriesModel:
    """The f32 network with the weights of the file."""
    model = StoriesModel(ModelConfig(layers=layers))
    model.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in tensors.items()})
    return model.eval()


def round_to_nearest(weight: Tensor, bits: int) -> Tensor:
    """Asymmetric round-to-nearest per group along the rows; f32 scale, integer zero point, range includes 0."""
    groups = weight.reshape(-1, GROUP)
    low = groups.amin(dim=1, keepdim=True).clamp(max=0)
    high = groups.amax(dim=1, keepdim=True).clamp(min=0)
    levels = 2**bits - 1
    scale = ((high - low) / levels).clamp(min=1e-12)
    zero = torch.round(-low / scale)
    codes = torch.clamp(torch.round(groups / scale) + zero, 0, levels)
    return ((codes - zero) * scale).reshape(weight.shape)


def round_linear_layers(model: StoriesModel, bits: int) -> None:
    """Round every attention and feed-forward matrix in place."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(kind in name for kind in QUANTIZED):
                parameter.copy_(round_to_nearest(parameter, bits))


def perplexity(losses: np.ndarray) -> dict[str, float]:
    """exp of the mean and its standard error (that of the mean, times the perplexity)."""
    flat = losses.astype(np.float64).ravel()
    value = math.exp(flat.mean())
    return {"value": value, "stderr": float(value * flat.std() / math.sqrt(flat.size - 1))}


def ngram_losses(streams: list[np.ndarray], ids: np.ndarray, chunks: int) -> np.ndarray:
    """Losses of the n-gram model on the scored tokens, given all text to their left."""
    model = KneserNey(streams, ModelConfig.vocab_size)
    losses = -np.log(model.probabilities(ids[: chunks * WINDOW]))
    return losses.reshape(chunks, WINDOW)[:, FIRST_SCORED + 1 :]


def write_texts(folder: Path) -> None:
    """Generate the held-out and calibration texts from their own seeds."""
    for name, (register, seed, size) in TEXTS.items():
        (folder / name).write_bytes(stories_corpus.generate(register, seed, size).encode())


def check_disjoint(folder: Path, training_tokens: dict[str, int]) -> dict[str, int]:
    """No document may occur twice among the texts and the training stream of each register."""
    counts: dict[str, int] = {}
    for register in stories_corpus.REGISTERS:
        text = stories_corpus.generate(
            register, TRAIN_SEED, CHARACTERS_PER_TOKEN * training_tokens[register], workers=2
        )
        training = {hash(document) for document in stories_corpus.split_documents(text)}
        counts[f"training_{register}"] = len(training)
        seen: set[str] = set()
        for name, (kind, _, _) in TEXTS.items():
            if kind == register:
                documents = stories_corpus.split_documents((folder / name).read_text(encoding="utf-8"))
                assert not seen & set(documents), f"{name}: a document is in another text too"
                assert not training & {
                    hash(document) for document in documents
                }, f"{name}: a document is in the training text"
                seen |= set(documents)
                counts[name] = len(documents)
    return counts


def plot(log: Path, baseline: float, path: Path) -> None:
    """Loss against tokens seen, with the n-gram baseline as a horizontal line."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    tokens = [int(row["tokens"]) / 1e6 for row in rows]
    matplotlib.rcParams.update({"svg.hashsalt": "stories", "svg.fonttype": "none", "font.size": 11})
    figure, axes = pyplot.subplots(figsize=(7.5, 4.5))
    axes.plot(tokens, [float(row["train_loss_scored"]) for row in rows], color="#8fb3d9", label="training windows")
    axes.plot(tokens, [float(row["heldout_loss"]) for row in rows], color="#b3402a", label="held-out stories")
    axes.axhline(baseline, color="#444444", linestyle="--", linewidth=1, label="5-gram Kneser-Ney, held-out")
    axes.set_xlabel("tokens seen (millions)")
    axes.set_ylabel("nats per token (context of 256 or more)")
    axes.set_xlim(0, tokens[-1])
    axes.set_ylim(0.9 * min(float(row["heldout_loss"]) for row in rows), 1.6 * baseline)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def encode_checked(text: str, metadata: dict[str, Any], work: Path) -> np.ndarray:
    """Token ids with BOS; the greedy encoder and sentencepiece must agree and be lossless."""
    ids = greedy_encode(
        text,
        metadata["tokenizer.ggml.tokens"],
        metadata["tokenizer.ggml.scores"],
        metadata["tokenizer.ggml.token_type"],
    )
    processor = load_tokenizer(work / "tokenizer")
    assert ids == processor.encode(text), "greedy merging and sentencepiece disagree"
    assert processor.decode(ids) == text, "decoding does not give back the text"
    return np.array([BOS_ID, *ids])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True, help="the exported model; results go into its folder")
    parser.add_argument("--work-dir", type=Path, required=True, help="the work directory of the training run")
    parser.add_argument(
        "--larger-ngram", type=Path, nargs="*", help="token files to train a larger n-gram model on as well"
    )
    parser.add_argument(
        "--part",
        choices=("all", "corpus", "model", "sensitivity"),
        default="all",
        help="measure only the texts and n-grams, the model, or its sensitivity to rounding; keep the other figures",
    )
    parser.add_argument("--sensitivity-windows", type=int, default=0, help="windows for the sensitivity (default: all)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    return parser.parse_args()


def measure_corpus(arguments: argparse.Namespace, ids: dict[str, np.ndarray]) -> dict[str, Any]:
    """Figures that do not depend on the weights: texts and n-gram baselines."""
    folder, work = arguments.gguf.parent, arguments.work_dir
    streams = {"stories": np.load(work / "train_stories.npy"), "letters": np.load(work / "train_letters.npy")}
    corpora = {"ngram": list(streams.values())}
    if arguments.larger_ngram:
        corpora["larger_ngram"] = [np.load(path) for path in arguments.larger_ngram]
    result: dict[str, Any] = {"tokens": {name: len(tokens) for name, tokens in ids.items()}}
    for name, tokens in corpora.items():
        losses = ngram_losses(tokens, ids["eval.txt"], len(ids["eval.txt"]) // WINDOW)
        result[name] = {"training_tokens": sum(map(len, tokens)), **perplexity(losses)}
    result["documents"] = check_disjoint(folder, {register: len(stream) for register, stream in streams.items()})
    return result


def measure_model(tensors: dict[str, np.ndarray], layers: int, ids: dict[str, np.ndarray]) -> dict[str, Any]:
    """Size and perplexities of the model as it is."""
    model = load_model(tensors, layers)
    return {
        "parameters": sum(array.size for array in tensors.values()),
        "perplexity": {
            name: perplexity(scored_losses(model, scored_windows(tokens)).numpy()) for name, tokens in ids.items()
        },
    }


def measure_sensitivity(tensors: dict[str, np.ndarray], layers: int, tokens: np.ndarray, count: int) -> dict[str, Any]:
    """Perplexities on the first `count` windows of a text (0: all) with the linear layers rounded to nearest."""
    windows = scored_windows(tokens)[: count or None]
    perplexities = {}
    for bits in (16, *BITS):
        model = load_model(tensors, layers)
        if bits in BITS:
            round_linear_layers(model, bits)
        perplexities[bits] = math.exp(scored_losses(model, windows).mean().item())
    return {
        "round_to_nearest": {
            "windows": len(windows),
            "perplexity": {str(bits): value for bits, value in perplexities.items()},
            "ratio": {str(bits): perplexities[bits] / perplexities[16] for bits in BITS},
        }
    }


def expected_results(folder: Path, model_name: str, ids: np.ndarray, heldout: dict[str, float]) -> dict[str, Any]:
    """What the C++ engine is checked against."""
    chunks = len(ids) // WINDOW
    return {
        "protocol": "llamacpp-512",
        "perplexity": heldout,
        "chunks": chunks,
        "scored_tokens": chunks * (WINDOW - FIRST_SCORED - 1),
        "tokens_with_bos": len(ids),
        "token_ids_sha256": sha256(",".join(map(str, ids)).encode()),
        "files_sha256": {
            name: sha256((folder / name).read_bytes()) for name in [model_name, *TEXTS, LOG, "loss_curve.svg"]
        },
    }


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    folder, work = arguments.gguf.parent, arguments.work_dir
    write_texts(folder)
    metadata, tensors = read_gguf(arguments.gguf)
    ids = {name: encode_checked((folder / name).read_text(encoding="utf-8"), metadata, work) for name in TEXTS}
    report = folder / "measurements.json"
    measurements = json.loads(report.read_text()) if report.exists() else {}
    layers = metadata["llama.block_count"]
    if arguments.part in ("all", "corpus"):
        measurements |= measure_corpus(arguments, ids)
    if arguments.part in ("all", "model"):
        measurements |= measure_model(tensors, layers, ids)
        shutil.copyfile(work / LOG, folder / LOG)
        plot(work / LOG, math.log(measurements["ngram"]["value"]), folder / "loss_curve.svg")
        heldout = measurements["perplexity"]["eval.txt"]
        expected = expected_results(folder, arguments.gguf.name, ids["eval.txt"], heldout)
        (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    if arguments.part in ("all", "sensitivity"):
        measurements |= measure_sensitivity(tensors, layers, ids["eval.txt"], arguments.sensitivity_windows)
    report.write_text(json.dumps(measurements, indent=2) + "\n")
    print(json.dumps(measurements, indent=2))


if __name__ == "__main__":
    main()
