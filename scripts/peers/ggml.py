"""The peer's ggml library through ctypes: encoding and decoding of rows.

The wheel holds one shared library with all of ggml and its runtime. Its Python interface does not reach the encoders,
but the library exports their C functions.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
from pathlib import Path

import numpy as np

PACKAGE = "xllamacpp"
LOG_ERROR = 4

_TO_FLOAT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class TypeTraits(ctypes.Structure):
    """ggml_type_traits"""

    _fields_ = [
        ("type_name", ctypes.c_char_p),
        ("block_size", ctypes.c_int64),
        ("block_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", _TO_FLOAT),
    ]


class PeerError(RuntimeError):
    pass


def find_library() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PeerError(f"the package {PACKAGE} is not installed in this environment")
    found = sorted(Path(spec.origin).parent.glob("*.so"))
    if len(found) != 1:
        raise PeerError(f"{Path(spec.origin).parent}: expected one shared library, found {len(found)}")
    return found[0]


class Ggml:
    """Encoders and decoders by the names that GGUF files know: q4_0, q4_K, iq2_xxs ... (compared in lower case)."""

    def __init__(self) -> None:
        self.path = find_library()
        self.functions = ctypes.CDLL(str(self.path), mode=os.RTLD_LAZY)
        self.last_error = ""
        self._declare()
        self._types = self._read_types()

    @property
    def version(self) -> str:
        return importlib.metadata.version(PACKAGE)

    @property
    def system_info(self) -> str:
        return ", ".join(self.functions.llama_print_system_info().decode().strip(" |").split(" | "))

    def supports(self, name: str) -> bool:
        return name.lower() in self._types

    def type_name(self, type_id: int) -> str:
        return self.functions.ggml_get_type_traits(type_id).contents.type_name.decode().lower()

    def type_id(self, name: str) -> int:
        if not self.supports(name):
            raise PeerError(f"the peer has no type {name}; it has {', '.join(sorted(self._types))}")
        return self._types[name.lower()]

    def encode(self, name: str, weights: np.ndarray, importance: np.ndarray | None) -> np.ndarray:
        """The bytes (u8) of weights (rows, cols) f32, contiguous; importance (cols) f32. One thread."""
        rows, cols = weights.shape
        assert weights.dtype == np.float32 and weights.flags.c_contiguous
        assert importance is None or (importance.dtype == np.float32 and importance.shape == (cols,))
        type_id = self.type_id(name)
        size = self.functions.ggml_row_size(type_id, cols) * rows
        out = np.zeros(size, np.uint8)
        pointer = None if importance is None else importance.ctypes.data
        written = self.functions.ggml_quantize_chunk(type_id, weights.ctypes.data, out.ctypes.data, 0, rows, cols, pointer)
        if written != size:
            raise PeerError(f"{name}: ggml_quantize_chunk wrote {written} bytes, expected {size}")
        return out

    def decode(self, name: str, packed: np.ndarray, rows: int, cols: int) -> np.ndarray:
        """f32 (rows, cols) of the bytes of `encode`."""
        out = np.empty((rows, cols), np.float32)
        traits = self.functions.ggml_get_type_traits(self.type_id(name)).contents
        traits.to_float(packed.ctypes.data, out.ctypes.data, rows * cols)
        return out

    def _declare(self) -> None:
        library, pointer, integer = self.functions, ctypes.c_void_p, ctypes.c_int64
        library.ggml_row_size.restype = ctypes.c_size_t
        library.ggml_row_size.argtypes = [ctypes.c_int, integer]
        library.ggml_quantize_chunk.restype = ctypes.c_size_t
        library.ggml_quantize_chunk.argtypes = [ctypes.c_int, pointer, pointer, integer, integer, integer, pointer]
        library.ggml_get_type_traits.restype = ctypes.POINTER(TypeTraits)
        library.llama_print_system_info.restype = ctypes.c_char_p
        self._log = _LOG(self._keep_error)  # must live as long as the library
        library.llama_log_set(self._log, None)

    def _keep_error(self, level: int, text: bytes, _: int) -> None:
        if level == LOG_ERROR:
            self.last_error = text.decode(errors="replace").strip()

    def _read_types(self) -> dict[str, int]:
        import xllamacpp

        types = {}
        for type_id in range(xllamacpp.ggml_type.GGML_TYPE_COUNT):
            traits = self.functions.ggml_get_type_traits(type_id).contents
            if traits.type_size > 0:
                types[traits.type_name.decode().lower()] = type_id
        return types
