"""Figures kept in a JSON file, each with the conditions that it was measured under, so that a second run skips it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path


class Results:
    def __init__(self, path: Path, fresh: bool) -> None:
        self._path = path
        self._fresh = fresh
        self.content: dict = json.loads(path.read_text()) if path.exists() else {}

    def section(self, name: str) -> dict:
        return self.content.setdefault(name, {})

    def measure(self, section: str, name: str, conditions: dict, measure: Callable[[], dict]) -> None:
        """Keeps measure()'s figures under section and name, unless they are there from the same conditions."""
        known = self.section(section).get(name)
        if known and known["conditions"] == conditions and not self._fresh:
            return
        print(f"{section}: {name}", flush=True)
        self.section(section)[name] = {**measure(), "conditions": conditions}
        self.save()

    def keep_only(self, section: str, names: list[str]) -> None:
        """Drops what is no longer among the methods; the rest in their order."""
        entries = self.section(section)
        self.content[section] = {name: entries[name] for name in names if name in entries}

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self.content, indent=1) + "\n")
        partial.replace(self._path)
