"""The methods to compare, from configs/gguf.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

# Formats by the family that figures are averaged over.
FAMILIES = {
    "legacy": ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0"),
    "K": ("q2_k", "q3_k", "q4_k", "q5_k", "q6_k"),
    "IQ": ("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_nl", "iq4_xs"),
    "ternary and FP4": ("tq1_0", "tq2_0", "mxfp4", "nvfp4", "q1_0", "q2_0"),
}


@dataclass(frozen=True)
class Method:
    id: str  # as quantbench quantize takes it
    importance: bool  # quantize with the importance matrix
    searched: bool  # by the solver search: the peer's encoder is compared

    @property
    def is_format(self) -> bool:
        """One of FAMILIES, not a mix."""
        return family_of(self.id) != "other"

    @property
    def key(self) -> str:
        return self.id + (" + imatrix" if self.importance else "")


def family_of(format_id: str) -> str:
    return next((family for family, formats in FAMILIES.items() if format_id in formats), "other")


def read_methods(config: Path) -> list[Method]:
    entries = yaml.safe_load(config.read_text())["methods"]
    methods: dict[str, Method] = {}
    for entry in entries:
        for method in _methods_of(entry):
            methods.setdefault(method.key, method)
    return list(methods.values())


def _methods_of(entry: str | dict) -> list[Method]:
    if isinstance(entry, str):
        return [Method(entry, importance=False, searched=False)]
    formats = entry["format"] if isinstance(entry["format"], list) else [entry["format"]]
    if entry["method"] == "search":
        return [Method(each, importance=True, searched=True) for each in formats]
    return [Method(f"{entry['method']}:{each}", importance=False, searched=False) for each in formats]
