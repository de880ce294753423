"""SentencePiece BPE tokenizer of the `stories` model, exactly as a GGUF `llama` tokenizer.

Besides training it, this module holds an independent greedy encoder that follows the
rules of GGUF `llama` readers, so that both can be checked against each other.
"""

from __future__ import annotations

import heapq
from pathlib import Path

import sentencepiece

VOCABULARY = 2048
UNKNOWN_ID, BOS_ID, EOS_ID = 0, 1, 2
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
SPACE = "\u2581"


def train_tokenizer(text: str, prefix: Path) -> sentencepiece.SentencePieceProcessor:
    """Train on the lines of `text`; writes prefix.model and prefix.vocab.

    The normaliser is the identity and newlines never enter a piece, so they become the
    byte token <0x0A> and decode(encode(x)) == x for any text.
    """
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for line in text.split("\n") if line),
        model_prefix=str(prefix),
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        unk_id=UNKNOWN_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        pad_id=-1,
        num_threads=1,
        max_sentence_length=100000,
        minloglevel=1,
    )
    return load_tokenizer(prefix)


def load_tokenizer(prefix: Path) -> sentencepiece.SentencePieceProcessor:
    """The tokenizer that `train_tokenizer` wrote."""
    return sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")


def token_type(processor: sentencepiece.SentencePieceProcessor, token: int) -> int:
    """GGUF token type of a token id."""
    if processor.is_unknown(token):
        return UNKNOWN
    if processor.is_control(token):
        return CONTROL
    return BYTE if processor.is_byte(token) else NORMAL


def vocabulary(processor: sentencepiece.SentencePieceProcessor) -> tuple[list[str], list[float], list[int]]:
    """Pieces, scores and GGUF token types, in id order."""
    ids = range(processor.vocab_size())
    return (
        [processor.id_to_piece(i) for i in ids],
        [processor.get_score(i) for i in ids],
        [token_type(processor, i) for i in ids],
    )


def greedy_encode(text: str, pieces: list[str], scores: list[float], types: list[int]) -> list[int]:
    """Encode as GGUF `llama` readers do: merge the best-scored adjacent pair, leftmost on ties.

    Takes no BOS into account; characters left without a token become byte tokens.
    """
    ids = {piece: i for i, piece in enumerate(pieces) if types[i] == NORMAL}
    byte_ids = {piece: i for i, piece in enumerate(pieces) if types[i] == BYTE}
    symbols = list(SPACE + text.replace(" ", SPACE))
    before = list(range(-1, len(symbols) - 1))
    after = list(range(1, len(symbols) + 1))
    queue: list[tuple[float, int, int, str]] = []

    def offer(left: int, right: int) -> None:
        if left >= 0 and right < len(symbols):
            joined = symbols[left] + symbols[right]
            if joined in ids:
                heapq.heappush(queue, (-scores[ids[joined]], left, right, joined))

    for left in range(len(symbols) - 1):
        offer(left, left + 1)
    while queue:
        _, left, right, joined = heapq.heappop(queue)
        if not symbols[left] or not symbols[right] or symbols[left] + symbols[right] != joined:
            continue
        symbols[left], symbols[right] = joined, ""
        after[left] = after[right]
        if after[right] < len(symbols):
            before[after[right]] = left
        offer(before[left], left)
        offer(left, after[left])

    output: list[int] = []
    for symbol in filter(None, symbols):
        if symbol in ids:
            output.append(ids[symbol])
        else:
            output.extend(byte_ids[f"<0x{byte:02X}>"] for byte in symbol.encode())
    return output
