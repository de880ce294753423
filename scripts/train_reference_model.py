#!/usr/bin/env python3
"""Train the embedded reference model `stories` from nothing and export it as an f16 GGUF.

The script generates its corpus (stories_corpus.py), trains the tokenizer, trains the
network with AdamW under a cosine schedule and writes the GGUF file.  Everything lies in
--work-dir; a second call resumes from the last checkpoint there.  Same seeds and thread
count give the same data, order and initial weights (floating-point sums may differ
between machines).  Training takes about 45 minutes on one core with AMX; bf16 is used for
matrix products only, master weights and optimizer state are f32.

The log has one row per --log-every steps.  Its losses are nats per token: `train_loss`
over all positions of the training windows since the last row, `train_loss_scored` over
the positions that the llamacpp-512 protocol scores (context of 256 tokens or more), and
`heldout_loss` under that protocol on stories of a seed of their own.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as functional
from torch import Tensor

import stories_corpus
from stories_gguf import BOOL, F32, I32, STRING, U32, Value, write_gguf
from stories_model import ModelConfig, StoriesModel
from stories_tokenizer import BOS_ID, EOS_ID, UNKNOWN_ID, load_tokenizer, train_tokenizer, vocabulary

# Seeds of the texts; different seeds share no document stream.
TRAIN_SEED, VALIDATION_SEED, TOKENIZER_SEED = 1, 2, 3
WINDOW = 512
FIRST_SCORED = 256
CHECKPOINT = "checkpoint.pt"
LOG = "training_log.csv"


@dataclass
class LogRow:
    """One row of the training log."""

    step: int
    tokens: int
    train_loss: float
    train_loss_scored: float
    heldout_loss: float
    learning_rate: float
    tokens_per_second: float
    eta_seconds: float


def tokenize(processor: sentencepiece.SentencePieceProcessor, register: str, seed: int, tokens: int) -> np.ndarray:
    """The first `tokens` tokens of a register's stream of documents."""
    parts: list[np.ndarray] = []
    total = 0
    stream = stories_corpus.batches(register, seed, workers=2)
    while total < tokens:
        parts.append(np.array(processor.encode(next(stream)), dtype=np.uint16))
        total += len(parts[-1])
    stream.close()
    return np.concatenate(parts)[:tokens]


def cached_tokens(
    path: Path, processor: sentencepiece.SentencePieceProcessor, register: str, seed: int, tokens: int
) -> np.ndarray:
    """`tokenize`, remembered in a file of the work directory."""
    if not path.exists() or len(np.load(path, mmap_mode="r")) != tokens:
        np.save(path, tokenize(processor, register, seed, tokens))
    return np.load(path)


def prepare_tokenizer(work: Path) -> sentencepiece.SentencePieceProcessor:
    """Train the tokenizer on a sample of both registers, once."""
    prefix = work / "tokenizer"
    if prefix.with_suffix(".model").exists():
        return load_tokenizer(prefix)
    sample = stories_corpus.generate("stories", TOKENIZER_SEED, 4_000_000, workers=2)
    sample += stories_corpus.generate("letters", TOKENIZER_SEED, 800_000, workers=2)
    return train_tokenizer(sample, prefix)


def training_windows(streams: list[np.ndarray], seed: int) -> np.ndarray:
    """All disjoint windows of WINDOW + 1 tokens of the streams, shuffled; the first token is BOS."""
    windows = np.concatenate([s[: len(s) // (WINDOW + 1) * (WINDOW + 1)].reshape(-1, WINDOW + 1) for s in streams])
    windows = windows[np.random.default_rng(seed).permutation(len(windows))]
    windows[:, 0] = BOS_ID
    return windows


def scored_windows(tokens: np.ndarray) -> np.ndarray:
    """Disjoint windows of 512 of a text that starts with BOS, each starting with BOS (llamacpp-512)."""
    windows = tokens[: len(tokens) // WINDOW * WINDOW].reshape(-1, WINDOW).copy()
    windows[:, 0] = BOS_ID
    return windows


def token_losses(model: torch.nn.Module, windows: Tensor) -> Tensor:
    """Negative log-likelihood of tokens 1.. of each window, [windows, length - 1]."""
    logits = model(windows[:, :-1])
    flat = functional.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten(), reduction="none")
    return flat.view(windows.shape[0], -1)


def scored_losses(model: StoriesModel, windows: np.ndarray, batch: int = 8) -> Tensor:
    """Losses of the predictions at positions 256..510 of each window."""
    with torch.no_grad():
        parts = [
            token_losses(model, torch.from_numpy(windows[i : i + batch].astype(np.int64)))[:, FIRST_SCORED:]
            for i in range(0, len(windows), batch)
        ]
    return torch.cat(parts)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def make_optimizer(model: StoriesModel, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; matrices decay, norm weights do not."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), eps=1e-8, fused=True)


def read_log(path: Path, last_step: int) -> list[list[str]]:
    """Rows of an earlier run up to its checkpoint."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in list(csv.reader(file))[1:] if int(row[0]) <= last_step]


class Trainer:
    """The training loop with its log and checkpoints."""

    def __init__(self, arguments: argparse.Namespace, windows: np.ndarray, heldout: np.ndarray) -> None:
        self.arguments = arguments
        self.windows, self.heldout = windows, heldout
        torch.manual_seed(arguments.seed)
        self.model = StoriesModel(ModelConfig(layers=arguments.layers))
        self.optimizer = make_optimizer(self.model, arguments.weight_decay)
        self.step = 0
        self._resume()
        self.losses = torch.compile(self._losses) if arguments.compile else self._losses

    def _losses(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        losses = token_losses(self.model, batch)
        return losses.mean(), losses[:, FIRST_SCORED:].mean()

    def _resume(self) -> None:
        path = self.arguments.work_dir / CHECKPOINT
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
        log = self.arguments.work_dir / LOG
        rows = read_log(log, self.step)
        with log.open("w", newline="") as file:
            csv.writer(file).writerows([[f.name for f in fields(LogRow)], *rows])

    def _save(self) -> None:
        path = self.arguments.work_dir / CHECKPOINT
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def _write(self, row: LogRow) -> None:
        cells = [f"{value:.5g}" if isinstance(value, float) else str(value) for value in vars(row).values()]
        with (self.arguments.work_dir / LOG).open("a", newline="") as file:
            csv.writer(file).writerow(cells)
        print(" ".join(f"{name}={cell}" for name, cell in zip(vars(row), cells, strict=True)), flush=True)

    def _update(self) -> tuple[float, float]:
        a = self.arguments
        first = self.step * a.batch % (len(self.windows) - a.batch + 1)
        batch = torch.from_numpy(self.windows[first : first + a.batch].astype(np.int64))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, a.steps, a.learning_rate, a.warmup)
        with torch.autocast("cpu", torch.bfloat16):
            loss, scored = self.losses(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss.item(), scored.item()

    def run(self) -> StoriesModel:
        """Train up to --steps and return the model."""
        a = self.arguments
        sums, count, started = [0.0, 0.0], 0, time.perf_counter()
        while self.step < a.steps:
            for i, value in enumerate(self._update()):
                sums[i] += value
            count += 1
            if self.step % a.log_every == 0 or self.step == a.steps:
                speed = count * a.batch * WINDOW / (time.perf_counter() - started)
                with torch.autocast("cpu", torch.bfloat16):
                    heldout = scored_losses(self.model, self.heldout).mean().item()
                tokens = self.step * a.batch * WINDOW
                eta = (a.steps - self.step) * a.batch * WINDOW / speed
                rate = learning_rate(self.step, a.steps, a.learning_rate, a.warmup)
                self._write(LogRow(self.step, tokens, sums[0] / count, sums[1] / count, heldout, rate, speed, eta))
                self._save()
                sums, count, started = [0.0, 0.0], 0, time.perf_counter()
        return self.model


def metadata(config: ModelConfig, processor: sentencepiece.SentencePieceProcessor) -> dict[str, Value]:
    """GGUF metadata of the model and its tokenizer."""
    pieces, scores, types = vocabulary(processor)
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "stories"),
        "general.description": (
            STRING,
            "Small reference model trained from nothing on generated stories, letters and recipes",
        ),
        "general.license": (STRING, "Text and weights are generated by the quantbench project and under its licence"),
        "general.file_type": (U32, 1),
        "llama.context_length": (U32, config.context),
        "llama.embedding_length": (U32, config.width),
        "llama.block_count": (U32, config.layers),
        "llama.feed_forward_length": (U32, config.feed_forward),
        "llama.attention.head_count": (U32, config.heads),
        "llama.attention.head_count_kv": (U32, config.kv_heads),
        "llama.attention.layer_norm_rms_epsilon": (F32, config.norm_eps),
        "llama.rope.dimension_count": (U32, config.head_dim),
        "llama.rope.freq_base": (F32, config.rope_base),
        "llama.vocab_size": (U32, config.vocab_size),
        "tokenizer.ggml.model": (STRING, "llama"),
        "tokenizer.ggml.tokens": (STRING, pieces),
        "tokenizer.ggml.scores": (F32, scores),
        "tokenizer.ggml.token_type": (I32, types),
        "tokenizer.ggml.bos_token_id": (U32, BOS_ID),
        "tokenizer.ggml.eos_token_id": (U32, EOS_ID),
        "tokenizer.ggml.unknown_token_id": (U32, UNKNOWN_ID),
        "tokenizer.ggml.add_bos_token": (BOOL, True),
        "tokenizer.ggml.add_eos_token": (BOOL, False),
        "tokenizer.ggml.add_space_prefix": (BOOL, True),
    }


def export(model: StoriesModel, processor: sentencepiece.SentencePieceProcessor, path: Path) -> None:
    """Write the GGUF: norms f32, matrices f16; the output matrix is the tied embedding."""
    tensors = {
        name: parameter.detach().numpy().astype(np.float16 if parameter.dim() == 2 else np.float32)
        for name, parameter in model.named_parameters()
    }
    write_gguf(path, metadata(model.config, processor), tensors)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work-dir", type=Path, required=True, help="corpus, tokenizer, checkpoint and log")
    parser.add_argument("--out", type=Path, required=True, help="GGUF file to write")
    parser.add_argument("--steps", type=int, default=1600, help="optimizer steps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="windows of 512 tokens per step (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=6, help="transformer layers (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="peak rate (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=100, help="warm-up steps (default: %(default)s)")
    parser.add_argument("--weight-decay", type=float, default=0.1, help="on matrices (default: %(default)s)")
    parser.add_argument("--letters-share", type=float, default=0.12, help="share of register B (default: %(default)s)")
    parser.add_argument("--heldout-windows", type=int, default=32, help="held-out windows (default: %(default)s)")
    parser.add_argument("--log-every", type=int, default=25, help="steps per log row (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="initial weights and window order (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="do not use torch.compile")
    parser.add_argument("--export-only", action="store_true", help="only write the GGUF of the last checkpoint")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    processor = prepare_tokenizer(arguments.work_dir)
    if arguments.export_only:
        model = StoriesModel(ModelConfig(layers=arguments.layers))
        state = torch.load(arguments.work_dir / CHECKPOINT, weights_only=True)
        model.load_state_dict(state["model"])
        export(model, processor, arguments.out)
        return
    needed = (arguments.steps + 1) * arguments.batch * (WINDOW + 1)
    letters = int(needed * arguments.letters_share)
    streams = [
        cached_tokens(arguments.work_dir / "train_stories.npy", processor, "stories", TRAIN_SEED, needed - letters),
        cached_tokens(arguments.work_dir / "train_letters.npy", processor, "letters", TRAIN_SEED, letters),
    ]
    validation = tokenize(processor, "stories", VALIDATION_SEED, arguments.heldout_windows * WINDOW - 1)
    heldout = scored_windows(np.concatenate([[BOS_ID], validation]))
    trainer = Trainer(arguments, training_windows(streams, arguments.seed), heldout)
    export(trainer.run(), processor, arguments.out)


if __name__ == "__main__":
    main()
