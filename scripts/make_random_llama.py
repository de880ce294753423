#!/usr/bin/env python3
"""Writes a model of Llama architecture with random weights in f16: a size to measure speed on, whose predictions mean nothing.

    scripts/make_random_llama.py random-110m.gguf
    scripts/make_random_llama.py small.gguf --width 256 --layers 2 --heads 4 --feed-forward 768 --vocabulary 2048
    scripts/make_random_llama.py 70b.gguf --hollow --width 8192 --layers 80 --heads 64 --kv-heads 8 --feed-forward 28672

The default has 110 million parameters, the shape that figures of perplexity throughput are given for. Same options, same file.
The vocabulary is made up of letters, so that any text becomes tokens; the embedding is the output projection, too. Needs Python 3.10 and numpy.
"""

from __future__ import annotations

import argparse
import itertools
import string
from pathlib import Path

import numpy as np
from stories_gguf import BOOL, F32, I32, STRING, U32, Value, write_gguf

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
CONTEXT = 2048


def vocabulary(size: int) -> tuple[list[str], list[float], list[int]]:
    """Pieces, scores and types of a GGUF `llama` tokenizer: bytes, then letters, pairs and so on until there are enough."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256]
    letters = "\u2581" + string.ascii_letters
    words = ("".join(word) for length in itertools.count(1) for word in itertools.product(letters, repeat=length))
    if size <= len(pieces):
        raise SystemExit(f"error: a vocabulary of {size} is too small; expected more than {len(pieces)}")
    pieces += itertools.islice(words, size - len(pieces))
    types += [NORMAL] * (size - len(types))
    return pieces, [-float(i) for i in range(size)], types


def metadata(options: argparse.Namespace) -> dict[str, Value]:
    pieces, scores, types = vocabulary(options.vocabulary)
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "random"),
        "general.file_type": (U32, 1),
        "llama.context_length": (U32, CONTEXT),
        "llama.embedding_length": (U32, options.width),
        "llama.block_count": (U32, options.layers),
        "llama.feed_forward_length": (U32, options.feed_forward),
        "llama.attention.head_count": (U32, options.heads),
        "llama.attention.head_count_kv": (U32, options.kv_heads or options.heads),
        "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
        "llama.rope.dimension_count": (U32, options.width // options.heads),
        "llama.rope.freq_base": (F32, 10000.0),
        "llama.vocab_size": (U32, options.vocabulary),
        "tokenizer.ggml.model": (STRING, "llama"),
        "tokenizer.ggml.tokens": (STRING, pieces),
        "tokenizer.ggml.scores": (F32, scores),
        "tokenizer.ggml.token_type": (I32, types),
        "tokenizer.ggml.bos_token_id": (U32, 1),
        "tokenizer.ggml.eos_token_id": (U32, 2),
        "tokenizer.ggml.unknown_token_id": (U32, 0),
        "tokenizer.ggml.add_bos_token": (BOOL, True),
        "tokenizer.ggml.add_eos_token": (BOOL, False),
    }


def tensors(options: argparse.Namespace) -> dict[str, np.ndarray]:
    random = np.random.default_rng(options.seed)
    width, wide = options.width, options.feed_forward
    keys = width // options.heads * (options.kv_heads or options.heads)

    def matrix(rows: int, cols: int) -> np.ndarray:
        if options.hollow:
            return np.broadcast_to(np.float16(0), (rows, cols))
        return (random.standard_normal((rows, cols), np.float32) / np.sqrt(cols)).astype(np.float16)

    found = {"token_embd.weight": matrix(options.vocabulary, width)}
    for block in range(options.layers):
        shapes = {"attn_q": (width, width), "attn_k": (keys, width), "attn_v": (keys, width), "attn_output": (width, width),
                  "ffn_gate": (wide, width), "ffn_up": (wide, width), "ffn_down": (width, wide)}  # fmt: skip
        found[f"blk.{block}.attn_norm.weight"] = np.ones(width, np.float32)
        found[f"blk.{block}.ffn_norm.weight"] = np.ones(width, np.float32)
        found |= {f"blk.{block}.{name}.weight": matrix(*shape) for name, shape in shapes.items()}
    return found | {"output_norm.weight": np.ones(width, np.float32)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="GGUF file to write")
    for name, default in (("width", 768), ("layers", 12), ("heads", 12), ("feed-forward", 2048), ("vocabulary", 32000), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--kv-heads", type=int, default=0, help="heads of keys and values, default as many as of queries")
    parser.add_argument("--hollow", action="store_true",
                        help="zeros instead of random weights, in a file that takes no space: a size to plan on (run --dry-run)")
    options = parser.parse_args()
    if options.width % options.heads != 0:
        raise SystemExit(f"error: --width {options.width} is not a multiple of --heads {options.heads}")
    found = tensors(options)
    write_gguf(options.out, metadata(options), found)
    parameters = sum(tensor.size for tensor in found.values())
    print(f"{options.out}: {parameters / 1e6:.0f} M parameters, {options.out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
