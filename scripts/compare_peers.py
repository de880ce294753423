#!/usr/bin/env python3
"""Compare quantbench with ggml and its runtime, side by side on this machine.

    scripts/compare_peers.py                          # everything, into results/peers.md and results/peers.json
    scripts/compare_peers.py --only encode --rounds 11
    scripts/compare_peers.py --only files,quality --methods q4_k,mix:q2_k

Sections:
  encode   speed and error of the encoders, one thread, on the same weights with the same importance
  imatrix  importance matrices collected by both on the same text
  files    GGUF files of quantbench, loaded by the peer's runtime: perplexity there and here
  quality  the same files with every tensor encoded by the peer instead: perplexity and KL divergence of both
  kernels  products of packed weights with one and with many rows of activations
  model_speed  perplexity evaluation of a model of 110 M parameters: tokens per second
  calibrated  files of gptq and awq+gptq beside those of search, as the peer's runtime and quantbench see them

Needs Linux x86-64, Python 3.10 or later, a built quantbench, and PyPI for the first run. Figures that were taken under the same
conditions (program, peer, options) are kept; --fresh takes them again.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import environment

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ("encode", "imatrix", "files", "quality", "calibrated", "kernels", "model_speed")


def parse_sections(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown section {', '.join(unknown)}; known: {', '.join(SECTIONS)}")
    return names


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantbench", type=Path, default=ROOT / "build/release/eval/quantbench", help="the program")
    parser.add_argument("--venv", type=Path, default=ROOT / "build/peers_venv", help="where the peer is installed")
    parser.add_argument("--out", type=Path, default=ROOT / "results", help="folder of peers.md and peers.json")
    parser.add_argument("--only", type=parse_sections, default=list(SECTIONS), help="sections, with commas between")
    parser.add_argument("--methods", type=lambda text: text.split(","), help="only these of configs/gguf.yaml")
    parser.add_argument("--rounds", type=int, default=7, help="of the two encoders in turn")
    parser.add_argument("--chunks", type=int, default=20, help="windows of 512 tokens to evaluate on")
    parser.add_argument("--calibration-chunks", type=int, default=40, help="windows to calibrate on")
    parser.add_argument("--fresh", action="store_true", help="measure again what is known")
    return parser.parse_args()


def git_commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    # These need what is installed only in the virtual environment.
    from peers.calibrated import compare_calibrated
    from peers.encoders import compare_encoders
    from peers.files import Bench, compare_files, compare_qualities
    from peers.ggml import Ggml
    from peers.kernels import compare_kernels
    from peers.importance import compare_importance
    from peers.methods import read_methods
    from peers.model_speed import compare_model_speed
    from peers.program import MODEL, Quantbench
    from peers.report import render
    from peers.results import Results

    ggml, program = Ggml(), Quantbench(arguments.quantbench, folder)
    results = Results(arguments.out / "peers.json", arguments.fresh)
    methods = read_methods(ROOT / "configs/gguf.yaml")
    chosen = [method for method in methods if not arguments.methods or method.id in arguments.methods]
    if not chosen:
        sys.exit(f"error: configs/gguf.yaml has none of {', '.join(arguments.methods)}")
    results.content["about"] = {
        "date": datetime.date.today().isoformat(),
        "quantbench": f"{program.version()}, commit {git_commit()}",
        "peer": f"{ggml.path.parent.name} {ggml.version}",
        "peer_features": ggml.system_info,
        "machine": environment.machine(),
    }
    models = {precision: folder / f"stories-{precision}.gguf" for precision in ("f16", "f32")}
    imatrix = folder / "stories.imatrix.gguf"
    for precision, path in models.items():
        program.quantize(path, precision)
    program.calibrate(MODEL, imatrix, arguments.calibration_chunks, with_output=False)
    bench = Bench(ggml, program, folder, models["f16"], imatrix, arguments.chunks)
    if "encode" in arguments.only:
        formats = [method.id for method in chosen if method.searched and method.is_format]
        compare_encoders(ggml, program, results, formats, folder, arguments.rounds)
    if "imatrix" in arguments.only:
        compare_importance(ggml, program, results, models, folder, arguments.calibration_chunks)
    if "files" in arguments.only:
        compare_files(bench, results, chosen)
    if "quality" in arguments.only:
        compare_qualities(bench, results, chosen)
    if "calibrated" in arguments.only:
        compare_calibrated(bench, results, arguments.calibration_chunks)
    if "kernels" in arguments.only:
        formats = [method.id for method in chosen if method.searched and method.is_format]
        compare_kernels(ggml, program, results, list(dict.fromkeys(formats)), arguments.rounds)
    if "model_speed" in arguments.only:
        compare_model_speed(ggml, program, results, folder, arguments.rounds)
    results.keep_only("encode", [method.id for method in methods])
    results.keep_only("files", [method.key for method in methods])
    results.keep_only("quality", [method.key for method in methods])
    results.save()
    (arguments.out / "peers.md").write_text(render(results.content))
    print(f"written: {arguments.out / 'peers.md'}")


def main() -> None:
    arguments = parse_arguments()
    if not environment.inside(arguments.venv):
        environment.enter(arguments.venv)
    with tempfile.TemporaryDirectory(prefix="quantbench_peers_") as folder:
        try:
            compare(arguments, Path(folder))
        except RuntimeError as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
