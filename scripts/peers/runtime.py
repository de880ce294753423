"""The peer's runtime through ctypes: loading a model, logits of windows, and what enters each linear layer."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .ggml import Ggml, PeerError

WINDOW = 512
FIRST_SCORED = 256
F32 = 0

_EVAL_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_bool, ctypes.c_void_p)


class _ModelParams(ctypes.Structure):
    """llama_model_params; only the library's defaults are used, so it is opaque (and larger than the real one)."""

    _fields_ = [("bytes", ctypes.c_uint8 * 256)]


class _ContextParams(ctypes.Structure):
    """llama_context_params as far as it is set here; the rest is opaque (and larger than the real one)."""

    _fields_ = [
        ("n_ctx", ctypes.c_uint32),
        ("n_batch", ctypes.c_uint32),
        ("n_ubatch", ctypes.c_uint32),
        ("n_seq_max", ctypes.c_uint32),
        ("recurrent_and_output_limits", ctypes.c_uint32 * 3),
        ("n_threads", ctypes.c_int32),
        ("n_threads_batch", ctypes.c_int32),
        ("context_type", ctypes.c_int32),
        ("rope_pooling_and_attention_type", ctypes.c_int32 * 3),
        ("flash_attention", ctypes.c_int32),
        ("rope", ctypes.c_float * 8),
        ("eval_callback", ctypes.c_void_p),
        ("eval_callback_data", ctypes.c_void_p),
        ("type_k", ctypes.c_int32),
        ("type_v", ctypes.c_int32),
        ("rest", ctypes.c_uint8 * 144),
    ]

    def check(self) -> None:
        """The defaults say whether the layout is the one described here."""
        found = (self.n_ctx, self.n_batch, self.n_ubatch, self.n_seq_max, self.flash_attention, self.type_k, self.type_v)
        expected = (512, 2048, 512, 1, -1, 1, 1)
        if found != expected or self.eval_callback:
            raise PeerError(f"llama_context_params has another layout than expected: defaults {found}, not {expected}")


class _Batch(ctypes.Structure):
    """llama_batch"""

    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


class TensorStruct(ctypes.Structure):
    """ggml_tensor"""


TensorStruct._fields_ = [
    ("type", ctypes.c_int32),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int32),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(TensorStruct) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
]


def declare(library: ctypes.CDLL) -> None:
    pointer, integer = ctypes.c_void_p, ctypes.c_int32
    signatures = {
        "llama_model_default_params": (_ModelParams, []),
        "llama_context_default_params": (_ContextParams, []),
        "llama_model_load_from_file": (pointer, [ctypes.c_char_p, _ModelParams]),
        "llama_model_free": (None, [pointer]),
        "llama_init_from_model": (pointer, [pointer, _ContextParams]),
        "llama_free": (None, [pointer]),
        "llama_model_get_vocab": (pointer, [pointer]),
        "llama_vocab_n_tokens": (integer, [pointer]),
        "llama_vocab_bos": (integer, [pointer]),
        "llama_vocab_get_add_bos": (ctypes.c_bool, [pointer]),
        "llama_tokenize": (integer, [pointer, ctypes.c_char_p, integer, pointer, integer, ctypes.c_bool, ctypes.c_bool]),
        "llama_batch_init": (_Batch, [integer, integer, integer]),
        "llama_batch_free": (None, [_Batch]),
        "llama_decode": (integer, [pointer, _Batch]),
        "llama_get_logits": (ctypes.POINTER(ctypes.c_float), [pointer]),
        "llama_get_memory": (pointer, [pointer]),
        "llama_memory_clear": (None, [pointer, ctypes.c_bool]),
        "ggml_op_name": (ctypes.c_char_p, [integer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


class InputSquares:
    """Sums of x^2 over tokens, by weight name, of all that is multiplied with a weight matrix."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.sums: dict[str, np.ndarray] = {}
        self.tokens: dict[str, int] = {}
        self._error: PeerError | None = None

    def __call__(self, address: int, ask: bool, _: int) -> bool:
        tensor = ctypes.cast(address, ctypes.POINTER(TensorStruct)).contents
        wanted = self._library.ggml_op_name(tensor.op) == b"MUL_MAT" and tensor.src[0].contents.name.endswith(b".weight")
        if wanted and not ask:
            try:
                self._add(tensor.src[0].contents.name.decode(), tensor.src[1].contents)
            except PeerError as error:  # must not pass through the library's frames
                self._error = error
        return wanted or not ask

    def _add(self, weight: str, inputs: TensorStruct) -> None:
        cols, rows = inputs.ne[0], inputs.ne[1]
        if inputs.type != F32 or inputs.nb[1] != 4 * cols or inputs.ne[2] * inputs.ne[3] != 1:
            raise PeerError(f"the inputs of {weight} are not a contiguous f32 matrix")
        values = np.ctypeslib.as_array(ctypes.cast(inputs.data, ctypes.POINTER(ctypes.c_float)), (rows, cols))
        squares = np.square(values.astype(np.float64)).sum(axis=0)
        self.sums[weight] = self.sums.get(weight, 0) + squares
        self.tokens[weight] = self.tokens.get(weight, 0) + rows

    def means(self) -> dict[str, np.ndarray]:
        if self._error:
            raise self._error
        return {name: sums / self.tokens[name] for name, sums in self.sums.items()}


class Runtime:
    """One model, run in windows of 512 tokens without any reuse between them. The cache of keys and values is f32 and
    attention is computed plainly, so that what differs from quantbench is the rounding of activations in products."""

    def __init__(self, ggml: Ggml, path: Path, threads: int = 1, observe: InputSquares | None = None) -> None:
        self._library = ggml.functions
        declare(self._library)
        self._model = self._library.llama_model_load_from_file(
            str(path).encode(), self._library.llama_model_default_params()
        )
        if not self._model:
            raise PeerError(f"{path}: the peer's runtime does not load it: {ggml.last_error}")
        self._vocabulary = self._library.llama_model_get_vocab(self._model)
        self._callback = _EVAL_CALLBACK(observe) if observe else None
        self._context = self._library.llama_init_from_model(self._model, self._context_params(threads))
        if not self._context:
            raise PeerError(f"{path}: the peer's runtime makes no context of it: {ggml.last_error}")
        self._batch = self._library.llama_batch_init(WINDOW, 0, 1)

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.llama_batch_free(self._batch)
        self._library.llama_free(self._context)
        self._library.llama_model_free(self._model)

    def windows(self, text: bytes, most: int) -> np.ndarray:
        """(windows, 512) token ids: the text cut as the protocol llamacpp-512 does."""
        ids = (ctypes.c_int32 * (len(text) + 2))()
        count = self._library.llama_tokenize(self._vocabulary, text, len(text), ids, len(ids), True, False)
        windows = min(most, count // WINDOW)
        if windows < 2:
            raise PeerError(f"the text has {count} tokens, too few for two windows")
        tokens = np.array(ids[: windows * WINDOW], np.int32).reshape(windows, WINDOW)
        if self._library.llama_vocab_get_add_bos(self._vocabulary):
            tokens[:, 0] = self._library.llama_vocab_bos(self._vocabulary)
        return tokens

    def logits(self, windows: np.ndarray) -> Iterator[np.ndarray]:
        """(512, vocabulary) f32 of each window; valid until the next one."""
        vocabulary = self._library.llama_vocab_n_tokens(self._vocabulary)
        for window in windows:
            self._library.llama_memory_clear(self._library.llama_get_memory(self._context), True)
            self._fill_batch(window)
            status = self._library.llama_decode(self._context, self._batch)
            if status != 0:
                raise PeerError(f"llama_decode failed with {status}")
            yield np.ctypeslib.as_array(self._library.llama_get_logits(self._context), (WINDOW, vocabulary))

    def negative_log_likelihoods(self, windows: np.ndarray) -> np.ndarray:
        """f64, of the scored tokens of all windows, in text order."""
        scored = [_scored_losses(logits, window) for logits, window in zip(self.logits(windows), windows)]
        return np.concatenate(scored)

    def _context_params(self, threads: int) -> _ContextParams:
        params = self._library.llama_context_default_params()
        params.check()
        params.n_ctx = params.n_batch = params.n_ubatch = WINDOW
        params.n_threads = params.n_threads_batch = threads
        params.flash_attention = 0
        params.type_k = params.type_v = F32
        if self._callback:
            params.eval_callback = ctypes.cast(self._callback, ctypes.c_void_p)
        return params

    def _fill_batch(self, window: np.ndarray) -> None:
        self._batch.n_tokens = WINDOW
        for position, token in enumerate(window.tolist()):
            self._batch.token[position] = token
            self._batch.pos[position] = position
            self._batch.n_seq_id[position] = 1
            self._batch.seq_id[position][0] = 0
            self._batch.logits[position] = 1


def _scored_losses(logits: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Positions 256 to 510 of a window, each scored by the token after it."""
    scored = logits[FIRST_SCORED : WINDOW - 1].astype(np.float64)
    largest = scored.max(axis=1)
    normalizer = largest + np.log(np.exp(scored - largest[:, None]).sum(axis=1))
    return normalizer - scored[np.arange(len(scored)), window[FIRST_SCORED + 1 :]]
