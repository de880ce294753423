"""The peer's products of packed weights with activations: `ggml_mul_mat` on its processor backend."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from .ggml import Ggml, PeerError
from .runtime import TensorStruct

F32 = 0
REPACK = "_Z35ggml_backend_cpu_repack_buffer_typev"  # a C++ function: the layout of interleaved rows has no name in C


class NotRepacked(PeerError):
    """The peer multiplies this type only as it is stored."""


class _InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def _declare(library: ctypes.CDLL) -> None:
    pointer, integer, size = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
    signatures = {
        "ggml_init": (pointer, [_InitParams]),
        "ggml_free": (None, [pointer]),
        "ggml_new_tensor_2d": (pointer, [pointer, ctypes.c_int, integer, integer]),
        "ggml_mul_mat": (pointer, [pointer, pointer, pointer]),
        "ggml_new_graph_custom": (pointer, [pointer, size, ctypes.c_bool]),
        "ggml_build_forward_expand": (None, [pointer, pointer]),
        "ggml_tensor_overhead": (size, []),
        "ggml_graph_overhead": (size, []),
        "ggml_backend_cpu_init": (pointer, []),
        "ggml_backend_cpu_set_n_threads": (None, [pointer, ctypes.c_int]),
        "ggml_backend_graph_compute": (ctypes.c_int, [pointer, pointer]),
        "ggml_backend_cpu_buffer_type": (pointer, []),
        REPACK: (pointer, []),
        "ggml_backend_alloc_ctx_tensors_from_buft": (pointer, [pointer, pointer]),
        "ggml_backend_buffer_free": (None, [pointer]),
        "ggml_backend_free": (None, [pointer]),
        "ggml_backend_tensor_set": (None, [pointer, pointer, size, size]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


class Products:
    """Copies of one weight matrix, each multiplied with the same activations: one call of `run` reads all copies in turn."""

    def __init__(self, ggml: Ggml, name: str, weights: np.ndarray, batch: int, copies: int, repacked: bool) -> None:
        """weights: packed rows, (rows, bytes of a row)."""
        self._library = ggml.functions
        _declare(self._library)
        self._copies = copies
        rows = len(weights)
        cols = _columns(ggml, name, weights.shape[1])
        overhead = (4 * copies + 16) * self._library.ggml_tensor_overhead() + 16 * self._library.ggml_graph_overhead()
        self._contexts = [self._library.ggml_init(_InitParams(overhead, None, True)) for _ in range(2)]
        of_weights, of_rest = self._contexts
        tensors = [self._library.ggml_new_tensor_2d(of_weights, ggml.type_id(name), cols, rows) for _ in range(copies)]
        x = self._library.ggml_new_tensor_2d(of_rest, F32, cols, batch)
        self._graph = self._library.ggml_new_graph_custom(of_rest, 4 * copies, False)
        for tensor in tensors:
            self._library.ggml_build_forward_expand(self._graph, self._library.ggml_mul_mat(of_rest, tensor, x))
        plain = self._library.ggml_backend_cpu_buffer_type()
        kind = getattr(self._library, REPACK)() if repacked else plain
        self._buffers = [self._library.ggml_backend_alloc_ctx_tensors_from_buft(of_weights, kind),
                         self._library.ggml_backend_alloc_ctx_tensors_from_buft(of_rest, plain)]  # fmt: skip
        if not all(self._buffers):
            raise PeerError(f"{name}: the peer allocates no buffer for {copies} copies of {rows} x {cols} weights")
        if repacked and not ctypes.cast(tensors[0], ctypes.POINTER(TensorStruct)).contents.extra:
            raise NotRepacked(f"{name}: the peer has no interleaved layout of it on this machine")
        for tensor in tensors:
            self._library.ggml_backend_tensor_set(tensor, weights.ctypes.data, 0, weights.nbytes)
        values = np.random.default_rng(1).uniform(-1, 1, (batch, cols)).astype(np.float32)
        self._library.ggml_backend_tensor_set(x, values.ctypes.data, 0, values.nbytes)
        self._backend = self._library.ggml_backend_cpu_init()

    def __enter__(self) -> Products:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.ggml_backend_free(self._backend)
        for buffer in self._buffers:
            self._library.ggml_backend_buffer_free(buffer)
        for context in self._contexts:
            self._library.ggml_free(context)

    def run(self, threads: int) -> float:
        """Seconds of one product."""
        self._library.ggml_backend_cpu_set_n_threads(self._backend, threads)
        start = time.perf_counter()
        status = self._library.ggml_backend_graph_compute(self._backend, self._graph)
        seconds = time.perf_counter() - start
        if status != 0:
            raise PeerError(f"ggml_backend_graph_compute failed with {status}")
        return seconds / self._copies


def _columns(ggml: Ggml, name: str, row_bytes: int) -> int:
    for cols in range(256, 1 << 17, 256):
        if ggml.functions.ggml_row_size(ggml.type_id(name), cols) == row_bytes:
            return cols
    raise PeerError(f"{name}: no row has {row_bytes} bytes")
