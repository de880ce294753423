"""The bytes of quantbench's embedded texts, from the files that they were made of."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / "datasets" / "stories"
_FILES = {"embedded:stories/eval": "eval.txt", "embedded:stories/calibration": "calibration_stories.txt"}


def embedded_text(name: str) -> bytes:
    return (_FOLDER / _FILES[name]).read_bytes()
