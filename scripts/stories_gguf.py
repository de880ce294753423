"""A small GGUF version 3 writer (and reader of what it writes) for the `stories` model."""

from __future__ import annotations

import struct
from os import SEEK_CUR
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1
TENSOR_TYPES: dict[np.dtype[Any], int] = {np.dtype(np.float32): TENSOR_F32, np.dtype(np.float16): TENSOR_F16}

Value = tuple[int, object]


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _scalar(kind: int, value: object) -> bytes:
    if kind == STRING:
        return _string(str(value))
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)


def _pair(key: str, kind: int, value: object) -> bytes:
    """A metadata pair; a list or tuple becomes an array of `kind`."""
    if isinstance(value, (list, tuple)):
        items = b"".join(_scalar(kind, item) for item in value)
        return _string(key) + struct.pack("<IIQ", ARRAY, kind, len(value)) + items
    return _string(key) + struct.pack("<I", kind) + _scalar(kind, value)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % ALIGNMENT)


def write_gguf(path: Path, metadata: dict[str, Value], tensors: dict[str, np.ndarray]) -> None:
    """Write metadata {key: (type id, value)} and f16/f32 tensors, densely and in the given order.

    An array of zeros that numpy repeats without storing it (broadcast_to) becomes a hole, which takes no space where the file
    system has such.
    """
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(_pair(key, kind, value) for key, (kind, value) in metadata.items())
    offset = 0
    for name, array in tensors.items():
        dims = array.shape[::-1]
        header += _string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, TENSOR_TYPES[array.dtype], offset)
        offset += array.nbytes + len(_padding(array.nbytes))
    with path.open("wb") as file:
        file.write(header + _padding(len(header)))
        for array in tensors.values():
            if array.size > 0 and not any(array.strides) and not array.flat[0]:
                file.seek(array.nbytes + len(_padding(array.nbytes)), SEEK_CUR)
            else:
                file.write(array.tobytes() + _padding(array.nbytes))
        file.truncate()


def _read(file: BinaryIO, layout: str) -> tuple:
    return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))


def _read_string(file: BinaryIO) -> str:
    return file.read(_read(file, "Q")[0]).decode()


def _read_value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _read_string(file)
    if kind == ARRAY:
        item, count = _read(file, "IQ")
        return [_read_value(file, item) for _ in range(count)]
    return _read(file, {U32: "I", I32: "i", F32: "f", BOOL: "?"}[kind])[0]


def read_gguf(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Metadata and tensors of a file written by `write_gguf`; trusts its input."""
    with path.open("rb") as file:
        file.read(8)
        tensor_count, pair_count = _read(file, "QQ")
        metadata = {}
        for _ in range(pair_count):
            key = _read_string(file)
            metadata[key] = _read_value(file, _read(file, "I")[0])
        infos = []
        for _ in range(tensor_count):
            name = _read_string(file)
            dims = _read(file, f"{_read(file, 'I')[0]}Q")
            infos.append((name, dims, *_read(file, "IQ")))
        start = file.tell() + len(_padding(file.tell()))
    kinds: dict[int, np.dtype] = {number: dtype for dtype, number in TENSOR_TYPES.items()}
    data = path.read_bytes()
    tensors = {}
    for name, dims, kind, offset in infos:
        count = int(np.prod(dims))
        tensors[name] = np.frombuffer(data, kinds[kind], count, start + offset).reshape(dims[::-1])
    return metadata, tensors
