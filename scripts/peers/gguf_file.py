"""Tensors of a GGUF file, located by the peer's own reader."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .ggml import Ggml, PeerError


class _InitParams(ctypes.Structure):
    _fields_ = [("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p)]


@dataclass(frozen=True)
class TensorInfo:
    name: str
    type_name: str
    shape: tuple[int, int]  # rows, columns; rows multiplies all dimensions but the fastest
    offset: int  # in the file
    size: int  # bytes


def _declare(library: ctypes.CDLL) -> None:
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    library.gguf_init_from_file.restype = pointer
    library.gguf_init_from_file.argtypes = [ctypes.c_char_p, _InitParams]
    library.gguf_free.argtypes = [pointer]
    library.gguf_get_data_offset.restype = ctypes.c_size_t
    library.gguf_get_data_offset.argtypes = [pointer]
    library.gguf_get_n_tensors.restype = integer
    library.gguf_get_n_tensors.argtypes = [pointer]
    results = {"name": ctypes.c_char_p, "offset": ctypes.c_size_t, "size": ctypes.c_size_t, "type": ctypes.c_int,
               "ne": ctypes.POINTER(ctypes.c_int64)}  # fmt: skip
    for what, result in results.items():
        function = getattr(library, f"gguf_get_tensor_{what}")
        function.restype = result
        function.argtypes = [pointer, integer]


def read_tensor_infos(ggml: Ggml, path: Path) -> dict[str, TensorInfo]:
    library = ggml.functions
    _declare(library)
    file = library.gguf_init_from_file(str(path).encode(), _InitParams(True, None))
    if not file:
        raise PeerError(f"{path}: the peer cannot read this GGUF file: {ggml.last_error}")
    data = library.gguf_get_data_offset(file)
    infos = {}
    for index in range(library.gguf_get_n_tensors(file)):
        extents = library.gguf_get_tensor_ne(file, index)[:4]
        name = library.gguf_get_tensor_name(file, index).decode()
        infos[name] = TensorInfo(
            name,
            ggml.type_name(library.gguf_get_tensor_type(file, index)),
            (extents[1] * extents[2] * extents[3], extents[0]),
            data + library.gguf_get_tensor_offset(file, index),
            library.gguf_get_tensor_size(file, index),
        )
    library.gguf_free(file)
    return infos


def read_values(ggml: Ggml, path: Path, info: TensorInfo) -> np.ndarray:
    """f32 (rows, columns)"""
    packed = np.fromfile(path, np.uint8, info.size, offset=info.offset)
    if info.type_name == "f32":
        return packed.view(np.float32).reshape(info.shape)
    return ggml.decode(info.type_name, packed, *info.shape)


def read_importance(ggml: Ggml, path: Path) -> dict[str, np.ndarray]:
    """Mean x^2 (columns) by weight name, of an imatrix.gguf."""
    infos = read_tensor_infos(ggml, path)
    means = {}
    for name, info in infos.items():
        if name.endswith(".in_sum2"):
            weight = name.removesuffix(".in_sum2")
            tokens = read_values(ggml, path, infos[f"{weight}.counts"])
            means[weight] = (read_values(ggml, path, info) / tokens).reshape(-1)
    if not means:
        raise PeerError(f"{path}: no importance in it")
    return means
