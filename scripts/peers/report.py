"""results/peers.md from the figures."""

from __future__ import annotations

from .methods import FAMILIES
from .statistics import geometric_mean

PERPLEXITY_TOLERANCE = 0.005
IMPORTANCE_TOLERANCE = 1e-3


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def interval(difference: dict, digits: int = 5) -> str:
    numbers = (f"{difference[key]:+.{digits}f}" for key in ("mean", "lower", "upper"))
    mean, lower, upper = numbers
    return f"{mean} [{lower}, {upper}]"


def factor(ratio: dict) -> str:
    return f"**{ratio['median']:.2f}** [{ratio['p10']:.2f}, {ratio['p90']:.2f}]"


def introduction(about: dict) -> str:
    machine = about["machine"]
    return f"""# Beside ggml and its runtime

Written by `scripts/compare_peers.py`, which installs the peer from PyPI and measures both on one machine:
[docs/peers.md](../docs/peers.md) says how to run it and what is compared. All figures are in `peers.json`.

| | |
|---|---|
| date | {about["date"]} |
| quantbench | {about["quantbench"]} |
| peer | {about["peer"]}: {about["peer_features"]} |
| machine | {machine["cpu"]}, {machine["cores"]} cores, {" ".join(machine["flags"])} |
"""


def encode_row(format_id: str, figures: dict) -> list[str]:
    if figures.get("unsupported"):
        return [format_id, "not in the peer", *[""] * 7]
    speed = figures["processor"]
    ratio = speed["ratio"]
    return [
        format_id,
        f"{speed['peer_weights_per_second'] / 1e6:.2f}",
        f"{speed['quantbench_weights_per_second'] / 1e6:.2f}",
        f"**{speed['ratio_of_medians']:.2f}** [{ratio['p10']:.2f}, {ratio['p90']:.2f}]",
        f"{figures['wall']['ratio_of_medians']:.2f}",
        f"{figures['peer_error']:.5f}",
        f"{figures['quantbench_error']:.5f}",
        f"{figures['error_ratio']:.4f}",
        f"{figures['default_error_ratio']:.4f}",
    ]


def family_row(family: str, entries: list[dict]) -> list[str]:
    return [
        family,
        str(len(entries)),
        f"{geometric_mean([entry['processor']['ratio_of_medians'] for entry in entries]):.2f}",
        f"{min(entry['processor']['ratio_of_medians'] for entry in entries):.2f}",
        f"{geometric_mean([entry['error_ratio'] for entry in entries]):.4f}",
    ]


def encode_section(entries: dict) -> str:
    measured = [entry for entry in entries.values() if not entry.get("unsupported")]
    families = [(family, [entry for entry in measured if entry["family"] == family]) for family in FAMILIES]
    loads = [load for entry in measured for load in entry["load"]]
    return f"""
## Encoders

512 x 4096 Gaussian weights, a log-normal importance of the columns, one thread, effort `default` beside `ggml_quantize_chunk`,
in turn; Mw/s are million weights per second of processor time. The ratio is that of the medians, in brackets p10 and p90 over the
{measured[0]["rounds"]} rounds; beside it the ratio of the wall clock. Error is the weighted relative RMSE (docs/metrics.md), which both minimize when quantbench is told to (`imatrix=on:gain=least_squares`);
the last column is the ratio without that: what `search` does beyond it costs error and lowers divergence (docs/encoders.md).
The load of the machine was {min(loads):.1f} to {max(loads):.1f}.

{table(["format", "peer Mw/s", "quantbench Mw/s", "times faster", "by wall clock", "peer's error", "quantbench's error", "ratio",
        "by default"],
       [encode_row(name, entry) for name, entry in entries.items()])}
{table(["family", "formats", "times faster, geometric mean", "least", "error ratio, geometric mean"],
       [family_row(family, members) for family, members in families if members])}"""


def importance_section(entries: dict) -> str:
    rows = []
    for precision, entry in entries.items():
        name, worst = max(entry["tensors"].items(), key=lambda item: item[1])
        held = sum(difference <= IMPORTANCE_TOLERANCE for difference in entry["tensors"].values())
        rows.append([precision, str(len(entry["tensors"])), f"{worst:.2e}", name, f"{held} of {len(entry['tensors'])}"])
    chunks = next(iter(entries.values()))["conditions"]["chunks"]
    return f"""
## Importance matrices

Mean x² of each input column over {chunks} windows of 512 tokens, `quantbench calibrate --output` beside the peer's runtime, whose
products were watched through its evaluation callback (the wheel has no tool for it). The largest relative difference of any column.
The peer rounds activations to f16 when it multiplies with f16 weights, quantbench does not; with f32 weights neither rounds.

{table(["weights", "tensors", "largest difference", "in", f"within {IMPORTANCE_TOLERANCE:g}"], rows)}"""


def files_section(entries: dict) -> str:
    rows = [[name, ", ".join(entry["types"]) or "-", f"{entry['bytes'] / 1e6:.2f}", f"{entry['quantbench_perplexity']:.5f}",
             f"{entry['peer_perplexity']:.5f}", f"{100 * entry['relative_difference']:+.4f} %"]
            for name, entry in entries.items()]  # fmt: skip
    held = sum(abs(entry["relative_difference"]) <= PERPLEXITY_TOLERANCE for entry in entries.values())
    name, worst = max(entries.items(), key=lambda item: abs(item[1]["relative_difference"]))
    return f"""
## Files of quantbench in the peer's runtime

`stories` written by `quantbench quantize`, {worst["conditions"]["chunks"]} windows of the protocol `llamacpp-512` through both.
The peer rounds activations to 8 bits in products with quantized weights, quantbench does not.

{held} of {len(entries)} files agree within {100 * PERPLEXITY_TOLERANCE:g} %; the largest difference is
{100 * worst["relative_difference"]:+.3f} % ({name}).

{table(["method", "types in the file", "MB", "quantbench", "peer", "quantbench over peer"], rows)}"""


def no_worse(entry: dict, key: str) -> bool:
    return entry[f"{key}_difference"]["mean"] <= 0


def quality_section(entries: dict) -> str:
    rows = [[name, f"{entry['quantbench']['perplexity']:.4f}", f"{entry['peer']['perplexity']:.4f}", interval(entry["nll_difference"]),
             f"{entry['quantbench']['kld']:.5f}", f"{entry['peer']['kld']:.5f}", interval(entry["kld_difference"])]
            for name, entry in entries.items()]  # fmt: skip
    both = sum(no_worse(entry, "nll") and no_worse(entry, "kld") for entry in entries.values())
    counts = {key: sum(no_worse(entry, key) for entry in entries.values()) for key in ("nll", "kld")}
    worse = {key: sum(entry[f"{key}_difference"]["lower"] > 0 for entry in entries.values()) for key in counts}
    total = len(entries)
    return f"""
## Files at equal types and importance

The same files with every quantized tensor encoded by `ggml_quantize_chunk` to the same type with the same importance matrix: what the
peer's quantizer writes when it gives tensors the same types. Both evaluated by quantbench. Differences are quantbench's less the
peer's per token, with their paired 95 % interval; negative is better.

Not above the peer: perplexity of {counts["nll"]}, divergence of {counts["kld"]}, both of {both} of {total} files. Above it with an
interval that excludes zero: perplexity of {worse["nll"]}, divergence of {worse["kld"]}.

{table(["method", "perplexity", "peer's", "difference of the mean NLL", "KL divergence", "peer's", "difference"], rows)}"""


def calibrated_section(entries: dict) -> str:
    rows = []
    for name, entry in entries.items():
        for solver in ("gptq", "awq+gptq"):
            cells = []
            for where in ("quantbench", "peer"):
                found = entry[solver][where]
                cells += [f"{entry['search'][where]:.5f}", f"{found['kld']:.5f}", interval(found["difference"])]
            rows.append([f"{solver}:{name}", *cells])
    conditions = next(iter(entries.values()))["conditions"]
    return f"""
## Files of calibrated methods in both runtimes

`stories` written by `quantbench quantize --calibration`, {conditions["calibration_chunks"]} windows of calibration text, beside the file of `search` with the
importance matrix of as many, of the same type and size: KL divergence from the f16 file over {conditions["chunks"]} windows of `llamacpp-512`, as quantbench
and as the peer's runtime compute it (which rounds activations to 8 bits), with the 95 % interval of the difference, paired by window.

{table(["method", "search, quantbench", "method", "difference", "search, peer", "method", "difference"], rows)}"""


def kernel_rows(entries: dict, case_name: str, percent: str) -> list[list[str]]:
    """case_name: of an op and a shape, with `SHAPE` for the weights'."""
    rows = []
    for name, entry in entries.items():
        if case_name.replace("SHAPE", "4096x4096") not in entry:
            continue
        cells = []
        for shape in ("4096x4096", "4096x11008"):
            case = entry[case_name.replace("SHAPE", shape)]
            decode = percent == "percent_of_reading"
            speed = f"{case['bytes_per_second'] / 1e9:.1f} GB/s" if decode else f"{case['flops_per_second'] / 1e9:.0f} GFLOP/s"
            cells += [speed, f"{case[percent]['median']:.0f} %", factor(case["ratio"])]
        rows.append([name, *cells])
    return rows


def kernels_section(entries: dict) -> str:
    counts = sorted({entry["rounds"] for entry in entries.values()})
    rounds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    loads = [load for entry in entries.values() for load in entry["load"]]
    text = f"""
## Products of packed weights

Decode is one row of activations and weights that are in no cache, prefill is 256 rows; activations in f32, rounded by both within
the time that is measured, to 8 bits by the peer. Decode: percent of the speed of reading the weights and doing nothing else, in turn with the
products; bytes are those of the format, also where weights were repacked before (sixteen rows interleaved, codebooks as levels). Prefill:
percent of the measured peak, multiply-adds of bytes or of bf16 in registers. Times faster is beside the
fastest layout of the peer (as stored, or interleaved where it has that), the median over {rounds} rounds with p10 and p90.
The wheel of the peer is compiled for AVX2, quantbench takes the best instruction set of the machine, so this compares what users get
and not what both could do. The load of the machine was {min(loads):.1f} to {max(loads):.1f}.
"""
    for title, op, batch, percent, what in (
        ("Decode, weights as stored", "matvec_int8", 1, "percent_of_reading", "of reading"),
        ("Decode, weights repacked", "matvec_repacked", 1, "percent_of_reading", "of reading"),
        ("Prefill in integers", "matmul_int8", 256, "percent_of_peak", "of peak"),
        ("Prefill in bf16", "matmul_bf16", 256, "percent_of_peak", "of peak"),
    ):
        head = ["format", *[f"{shape}{column}" for shape in ("4096 x 4096", "4096 x 11008") for column in ("", f", {what}", ", times faster")]]
        for threads in (1, 2):
            rows = kernel_rows(entries, f"{op}/SHAPEx{batch}/threads:{threads}", percent)
            text += f"\n### {title}, {threads} thread{'s' if threads > 1 else ''}\n\n{table(head, rows)}\n"
    return text


def model_speed_section(entries: dict) -> str:
    rows = [[name, f"{entry['peer_tokens_per_second']:.0f}", *[cell for compute in ("exact", "native", "bf16") for cell in (
             f"{entry[compute]['tokens_per_second']:.0f}", factor(entry[compute]["ratio"]))]]
            for name, entry in entries.items()]  # fmt: skip
    conditions = next(iter(entries.values()))["conditions"]
    return f"""
## Perplexity evaluation

A model of 110 M parameters with random weights (`scripts/make_random_llama.py`), {conditions["chunks"]} windows of 512 tokens on {conditions["threads"]} threads; tokens per second,
quantbench with its metrics, the peer without. `exact` decodes weights to f32, `native` multiplies in integers as the peer does (f16 as in `exact`),
`bf16` rounds both sides to that. Times faster with p10 and p90 over {conditions["rounds"]} round{"s" if conditions["rounds"] > 1 else ""}.

{table(["type", "peer", "exact", "times faster", "native", "times faster", "bf16", "times faster"], rows)}"""


def render(content: dict) -> str:
    sections = {"encode": encode_section, "imatrix": importance_section, "files": files_section, "quality": quality_section,
                "calibrated": calibrated_section, "kernels": kernels_section, "model_speed": model_speed_section}  # fmt: skip
    text = introduction(content["about"])
    for name, section in sections.items():
        if content.get(name):
            text += section(content[name])
    return text
