"""The environment that the comparison runs in: a virtual environment with the peer in it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def inside(folder: Path) -> bool:
    return Path(sys.prefix).resolve() == folder.resolve()


def enter(folder: Path) -> None:
    """Makes the environment if need be, and runs this program again inside it. Does not return."""
    python, done = folder / "bin" / "python", folder / "requirements.installed"
    if not python.exists():
        venv.create(folder, with_pip=True)
    if not done.exists() or done.read_text() != REQUIREMENTS.read_text():
        print(f"installing the peer into {folder}", flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], check=True)
        done.write_text(REQUIREMENTS.read_text())
    os.execv(python, [str(python), *sys.argv])


def machine() -> dict:
    lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    cpu = {key.strip(): value.strip() for key, value in lines.items()}
    flags = [flag for flag in ("avx2", "avx512f", "avx512_vnni") if flag in cpu["flags"].split()]
    return {"cpu": cpu["model name"], "cores": os.cpu_count(), "flags": flags}
