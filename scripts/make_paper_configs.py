#!/usr/bin/env python3
"""Writes configs/papers/*.yaml from configs/papers/figures.json: one config for each published table.

    scripts/make_paper_configs.py                    # write the configs
    scripts/make_paper_configs.py --check            # exit 1 when a committed config is not what would be written
    scripts/make_paper_configs.py --collect FILE     # make figures.json anew from a collection of published figures

A record of figures.json is one published number: source, model (as the paper calls it), model_name (as its folder is
called), dataset, protocol, method, bits, group_size, metric, value. What the paper calls a method and how this program
writes it stands below, table by table, with the tolerances and why they are what they are.

Only the standard library is needed.
"""

import argparse
import json
import pathlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "configs" / "papers"
FIGURES = FOLDER / "figures.json"

# Where the texts come from, once for all tables.
WIKITEXT2 = "wikitext2"
PTB = "ptb_new"
C4 = "c4_new"
TEXTS = {
    "wikitext2": "{text: wikitext2:data/wiki.test.raw, protocol: %s}",
    "ptb-new": "{text: ptb_new:data/ptb.test.txt, protocol: %s}",
    "c4-new": "{text: c4_new:data/c4-validation.00000-of-00008.json.gz, protocol: %s}",
    "wiki.test.raw": "{text: data/wiki.test.raw, protocol: %s}",
}
CALIBRATION_C4 = "{text: c4_crops:data/c4-train.00000-of-01024.json.gz, protocol: gptq-2048, chunks: 128}"
CALIBRATION_PILE = "{text: pile:data/pile-val.jsonl, protocol: gptq-512, chunks: 128}"
CALIBRATION_WIKI_TRAIN = "{text: data/wiki.train.raw, protocol: llamacpp-512, chunks: 200}"

# Tolerances. Rounding to nearest is deterministic, two papers agree on it to the last digit; published decimals and f16
# arithmetic leave about 0.02. Methods that calibrate depend on the draw of the text: published values of one method for
# one model differ by 1 to 1.5 %. Encoders of GGUF types are not the same program: here they search longer.
EXACT = "0.02"
CALIBRATED = "2%"
COLLAPSED = "25%"  # perplexities in the thousands: the model is destroyed, and the last digits of sums decide


@dataclass
class Record:
    source: str
    model: str
    model_name: str
    dataset: str
    protocol: str
    method: str
    bits: float | None
    group_size: object
    metric: str
    value: float
    imatrix: object = None
    note: str = ""


@dataclass
class Entry:
    """How the configs write a record: a method id, or why there is none."""

    method: str
    metric: str = "perplexity"
    tolerance: str = CALIBRATED
    protocol: str = ""
    unmeasurable: str = ""
    windows: int = 0


@dataclass
class Table:
    file: str
    about: str  # the comment at the top
    sources: list[str]
    dataset: str  # key of TEXTS
    protocol: str
    entry: Callable[[Record], Entry]
    calibration: str = ""
    metrics: str = "[perplexity]"
    ordering: list[tuple[str, str]] = field(default_factory=list)
    keep: Callable[[Record], bool] = lambda record: True
    ordering_metric: str = ""


# ------------------------------------------------------------------ what papers call things

PROTOCOLS = {"hf2048": "gptq-2048", "hf_ctx4096": "gptq-4096", "llamacpp512": "llamacpp-512",
             "llamacpp_ctx4096": "llamacpp-4096"}

METRICS = {"ppl": "perplexity", "Mean PPL": "perplexity", "Mean PPL(Q)": "perplexity", "mean_KLD": "kld.mean",
           "Mean KLD": "kld.mean", "Mean    KLD": "kld.mean", "KLD_median": "kld.median", "Median  KLD": "kld.median",
           "99.0%   KLD": "kld.p99", "KLD_q99": "kld.p99", "delta_ppl": "perplexity_increase",
           "Mean ΔPPL": "perplexity_increase", "Mean PPL(Q)-PPL(base)": "perplexity_increase",
           "delta_ppl_vs_5.9066": "perplexity_increase", "PPL(Q)/PPL(f16)-1 pct": "perplexity_increase_percent",
           "Mean PPL ratio": "perplexity_ratio", "Mean PPL(Q)/PPL(base)": "perplexity_ratio",
           "rms_dp_pct": "rms_probability_difference_percent", "RMS Δp": "rms_probability_difference_percent",
           "Same top p": "same_top_percent", "size_GiB": "size_gib", "size_GB": "size_gib", "bpw": "bits_per_weight"}

# Figures of a record that stand beside its main one.
SIDE_FIGURES = ["mean_KLD", "delta_ppl", "rms_dp_pct", "size_GiB", "KLD_q99",
                "pct_delta_changed", "avg_delta_ratio", "avg_err_ratio"]

SPEEDS = {"tok_per_s", "ms_per_tok", "ms/tok @ 4th", "ms/tok @ 8th", "quantize_minutes"}


def left_out(metric: str) -> bool:
    """Speeds are of other machines; of the differences of probabilities only the RMS is taken."""
    return metric in SPEEDS or ("Δp" in metric and metric != "RMS Δp") or metric.startswith(("Cor(", "PPL corr", "Mean ln"))

FOLDERS = {"BLOOM-560M": "bloom-560m", "BLOOM-1.1B": "bloom-1b1", "BLOOM-1.7B": "bloom-1b7", "BLOOM-3B": "bloom-3b",
           "BLOOM-7.1B": "bloom-7b1", "BLOOM-176B": "bloom", "LLaMA-1-7B": "llama-7b", "LLaMA-1-13B": "llama-13b",
           "LLaMA-1-30B": "llama-30b", "LLaMA-1-65B": "llama-65b", "Llama-3-8B": "meta-llama-3-8b",
           "Llama-3-8B FP16 vs BF16": "meta-llama-3-8b", "Llama-3.1-8B-Instruct": "llama-3.1-8b-instruct",
           "Mistral-7B": "mistral-7b-v0.1", "Mixtral-8x7B": "mixtral-8x7b-v0.1", "Llama-2-7B Q4_K_M": "llama-2-7b",
           "Gemma-3-4B-pt Q4_0": "gemma-3-4b-pt", "Llama-2-7B FP16 weights": "llama-2-7b",
           "Llama-2-7B 4.0bpw": "llama-2-7b", "Mistral-7B FP16": "mistral-7b-v0.1", "Mixtral 4.0bpw": "mixtral-8x7b-v0.1",
           "Qwen3-30B-A3B (IQ2_XXS weights)": "qwen3-30b-a3b"}

NO_TASKS = "quantbench has no downstream tasks"
MIXES = {"q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0", "q3_k_l", "q3_k_m",
         "q3_k_s", "q2_k", "q2_k_s", "iq4_nl", "iq4_xs", "iq3_m", "iq3_s", "iq3_xs", "iq3_xxs", "iq2_m", "iq2_s",
         "iq2_xs", "iq2_xxs", "iq1_m", "iq1_s"}
# Names that are both a type and a mix: without "mix:" they are the pure type.
TYPES = {"q8_0", "q6_k", "q5_1", "q5_0", "q4_1", "q4_0", "q2_k", "iq4_nl", "iq4_xs", "iq3_s", "iq3_xxs", "iq2_s",
         "iq2_xs", "iq2_xxs", "iq1_m", "iq1_s"}


def mix(name: str, imatrix: bool | None) -> str:
    """The id of a file of llama.cpp. imatrix None: nothing is said, with what the config gives."""
    name = name.lower()
    method = f"mix:{name}" if name in TYPES else name
    return method if imatrix is not False else method + ":imatrix=off"


def folder(model: str) -> str:
    return FOLDERS.get(model, model.lower().replace(" ", "-"))


# ------------------------------------------------------------------ GPTQ

GPTQ_PAPER = "GPTQ arXiv:2210.17323v2 "


def bits_and_group(record: Record) -> str:
    group = "row" if record.group_size in ("per-row", "-", None) else f"g{record.group_size}"
    return f"int{int(record.bits)}:{group}"


def gptq_entry(record: Record) -> Entry:
    if record.metric == "acc_pct":
        return Entry(record.method, "LAMBADA accuracy, %", unmeasurable=NO_TASKS, protocol="zero-shot")
    if record.metric == "F1":
        return Entry(f"{record.method} {int(record.bits)} bit", "SQuAD F1", unmeasurable=NO_TASKS, protocol="F1")
    if record.method.startswith("FP"):
        return Entry("f32", tolerance=EXACT)
    if record.method == "GPTQ ternary":
        return Entry("GPTQ ternary g8", unmeasurable="integer formats have two bits and more")
    if record.method == "RTN":
        return Entry(f"zero_point:{bits_and_group(record)}:scale=f32",
                     tolerance=COLLAPSED if record.value > 500 else EXACT if record.value < 100 else "1%")
    solver = {"OBQ": "obq:%s:scale=f32", "GPTQ": "gptq:%s:reference", "GPTQ plain": "gptq:%s:reference"}.get(record.method)
    if record.method.startswith("GPTQ act-order") or record.note.startswith("GPTQ columns"):
        solver = "gptq:%s:actorder:reference" if record.group_size == "per-row" else "gptq:%s:reference"
    return Entry(solver % bits_and_group(record), tolerance="5%" if record.bits == 3 else CALIBRATED)


GPTQ_ABOUT = """\
Windows of 2048 tokens, every next token scored, one BOS at the start of the text: gptq-2048. Calibration: 128 random
windows of 2048 tokens of C4, as in the authors' code; sequential, layer inputs from the quantized blocks before.
Grids: asymmetric, extremes of the {what}, zero included, scales in f32; GPTQ with damping 0.01 and blocks of 128
(`reference`). Embedding, output projection and norms stay as they are.

What may differ: the draw of the calibration text (1 to 1.5 % at 4 and 3 bits), f16 arithmetic in the paper. Rounding to
nearest is deterministic and must agree to 0.02; where it destroys the model (perplexity in the thousands) only the order of
magnitude says anything."""

# ------------------------------------------------------------------ AWQ


def awq_entry(record: Record) -> Entry:
    grid = bits_and_group(record) if record.bits != 16 else ""
    rtn = f"zero_point:{grid}:grid=spread"
    if record.metric in ("pct_delta_changed", "avg_delta_ratio", "avg_err_ratio"):
        return Entry(record.method, record.metric, unmeasurable="quantbench does not report scales of groups")
    if record.metric == "delta_ppl_vs_matched_calibration":
        return Entry(record.method, record.metric, protocol=record.protocol,
                     unmeasurable="the difference of two runs, calibrated on PubMed and on Enron")
    if record.method == "FP16":
        return Entry("f32", tolerance=EXACT)
    if record.method == "RTN":
        return Entry(rtn, tolerance=COLLAPSED if record.value > 1000 else "2%" if record.value > 20 else EXACT)
    if kept := re.match(r"mixed: ([\d.]+)% FP16 salient by (\w+)", record.method):
        percent, by = kept.groups()
        keep = "" if percent == "1" else f":keep={percent}"
        choice = "" if by == "activation" else f":by={by}"
        # Which columns are drawn decides where rounding has nearly destroyed the model.
        return Entry(f"salient:{grid}{keep}{choice}:grid=spread",
                     tolerance={"activation": "5%", "weight": "10%", "random": "30%"}[by])
    if record.method == "1% FP16 salient":
        return Entry(f"salient:{grid}:grid=spread", tolerance="5%")
    if scaled := re.search(r"s=([\d.]+)$", record.method):
        factor = scaled.group(1)
        return Entry(rtn if factor == "1" else f"salient:{grid}:times={factor}:grid=spread", tolerance="5%")
    if record.method == "GPTQ-R":
        bits = int(record.bits)
        return Entry(f"gptq:int{bits}:g1:actorder:dynamic={record.group_size}:reference", tolerance=CALIBRATED)
    solver = {"AWQ": "awq:%s:clip", "GPTQ": "gptq:%s:reference", "AWQ+GPTQ": "awq+gptq:%s:reference"}[record.method]
    return Entry(solver % grid, tolerance="10%" if record.bits == 2 else CALIBRATED)


AWQ_ABOUT = """\
Windows of 2048 tokens of WikiText-2, as in GPTQ: gptq-2048. Calibration: 128 blocks of 512 tokens of the validation part of
the Pile. Grids: asymmetric, the range of each group (`grid=spread`), scales in f16. AWQ searches exponents and clip limits."""

# ------------------------------------------------------------------ llama.cpp

NOT_A_FIGURE = "not among the figures of a cell"
NO_MIX = "quantbench does not have this mix of llama.cpp"
NO_FILE_SIZE = "a cell counts the tensors that it quantizes"
OLD_FORMAT = "an older layout of the type, which no program reads any more"
NO_MOE = "mixtures of experts are not evaluated"


def gguf_tolerance(metric: str, name: str) -> str:
    low = bool(re.match(r"i?q[123]", name.lower()))
    if metric in ("perplexity", "perplexity_ratio"):
        return "5%" if low else "0.5%"
    return {"size_gib": "2%", "bits_per_weight": "0.05", "kld.mean": "25%", "kld.median": "25%", "kld.p99": "25%",
            "same_top_percent": "1.5" if low else "0.5",
            "perplexity_increase": "30%" if low else "0.05",
            "perplexity_increase_percent": "30%"}.get(metric, "15%")


def gguf_entry(record: Record) -> Entry:
    metric = METRICS.get(record.metric)
    name = record.method
    if metric is None:
        return Entry(name, record.metric.strip(), unmeasurable=NOT_A_FIGURE)
    if name.lower() in ("f16", "fp16", "base bf16") or name.startswith("FP16 weights"):
        if metric in ("size_gib", "bits_per_weight"):
            return Entry(name, metric, unmeasurable=NO_FILE_SIZE)
        return Entry("f32" if metric == "perplexity" and not name.startswith("FP16 w") else "f16", metric,
                     "0.02" if metric == "perplexity" else "0.003" if metric.startswith("perpl") else
                     "1" if "percent" in metric else "0.0006")
    imatrix = record.imatrix
    used = None if imatrix is None else imatrix not in (False, "None", "none", "")
    if name.lower() not in MIXES:
        return Entry(name, metric, unmeasurable=NO_MIX)
    return Entry(mix(name, used), metric, gguf_tolerance(metric, name))


def kquant_entry(record: Record) -> Entry:
    record.imatrix = False
    return gguf_entry(record)


def iq_entry(record: Record) -> Entry:
    name = record.method
    if "Mixtral" in record.model:
        return Entry(name, METRICS[record.metric], unmeasurable=NO_MOE)
    if "TUNED" in record.protocol:
        if re.search("v[12]$", name):
            return Entry(name, unmeasurable=OLD_FORMAT, protocol=record.protocol)
        return Entry(name, unmeasurable="rms_norm_eps was tuned for the type; change it in the GGUF file to compare",
                     protocol=record.protocol)
    if "2048" in record.protocol:
        if "improved" not in name:
            return Entry(name, METRICS[record.metric], unmeasurable=OLD_FORMAT, protocol=record.protocol)
        return Entry("mix:iq3_s", METRICS[record.metric], "30%",
                     protocol="llamacpp-2048" if record.model.startswith("LLaMA-1") else "llamacpp-4096")
    if "before guard" in name:
        return Entry(name, unmeasurable="a mix without a guard against missing importance, which was replaced")
    if record.source == "llama.cpp#12557":
        record.method = name.split()[0] if "base" not in name else "F16"
        entry = gguf_entry(record)
        # Pure types, not mixes.
        entry.method = entry.method.replace("mix:", "")
        return entry
    pieces = {"IQ2_XXS (search fix)": ("iq2_xxs", True), "IQ1_S v3, default eps": ("iq1_s", True),
              "IQ3_XXS imatrix": ("iq3_xxs", True), "IQ3_XXS no imatrix, guard mix (#5334)": ("iq3_xxs", False),
              "Q4_K_S no imatrix": ("q4_k_s", False), "Q4_K_S imatrix": ("q4_k_s", True)}
    if name in pieces:
        record.method, record.imatrix = pieces[name]
    elif name.upper().startswith("IQ") and record.imatrix is None:
        record.imatrix = True
    return gguf_entry(record)


# ------------------------------------------------------------------ keys and values

KV_KINDS = {"f16": "", "q8_0": "q8_0", "q5_1": "q5_1", "q5_0": "q5_0", "q4_1": "q4_1", "q4_0": "q4_0"}


def kv_method(weights: str, keys: str, values: str, rotate: bool) -> str | None:
    if keys not in KV_KINDS or values not in KV_KINDS:
        return None
    options = (f":kv_keys={keys}" if KV_KINDS[keys] else "") + (f":kv_values={values}" if KV_KINDS[values] else "")
    return weights + options + (":kv_rotate" if rotate and KV_KINDS[keys] else "")


def kv_entry(record: Record) -> Entry:
    metric = METRICS.get(record.metric, record.metric)
    nothing = lambda why: Entry(record.method, metric, unmeasurable=why, protocol=record.protocol)
    if record.source == "llama.cpp#7412":
        weights, keys, values = record.method.split()[1].split("/")
        cell = kv_method("f16" if weights == "f16" else "mix:q8_0:imatrix=off", keys, values, False)
        tolerance = {"perplexity": "0.02", "perplexity_increase": "0.004", "kld.mean": "0.0008"}.get(metric, "0.8")
        return Entry(cell, metric, tolerance)
    if record.source == "llama.cpp#21551":
        keys, values = record.method.split()[1].split("/")
        weights = "q4_k_m:imatrix=off" if "Q4_K_M" in record.model else "mix:q4_0:imatrix=off"
        cell = kv_method(weights, keys, values, "rot" in record.method and "no rot" not in record.method)
        if cell is None:
            return nothing("no cache of this type here")
        return Entry(cell, metric, "1%", windows=8 if "8 chunks" in record.protocol else 0)
    if record.source.startswith("QuaRot"):
        keys, values = re.search(r"K(\d)V(\d)", record.method).groups()
        return Entry(f"hadamard:f32:kv_keys=int{keys}:kv_values=int{values}:kv_rotate", metric, "1.5%")
    if record.source.startswith("KVQuant"):
        window = {"LLaMA-1-7B": 2048, "Llama-2-7B": 4096, "Llama-3-8B": 8192, "Mistral-7B": 8192}[record.model]
        protocol = f"gptq-{window}"
        if record.method == "KV FP16":
            return Entry("f32", metric, EXACT, protocol)
        if group := re.search(r"FlexGen/ATOM (\d)b", record.method):
            bits = group.group(1)
            return Entry(f"f32:kv_keys=int{bits}:kv_values=int{bits}", metric, "3%", protocol)
        return nothing("one grid for a whole token, NF4 and KVQuant's own grids are no caches here")
    if record.source.startswith("KIVI"):
        return nothing(NO_TASKS)
    if record.source.startswith("exllamav2"):
        return nothing("the sample of the Pile is not published")
    return nothing(NO_MOE)


# ------------------------------------------------------------------ the tables

SCOREBOARD = "llama.cpp examples/perplexity/README.md @f364eb6f"

TABLES = [
    Table("gptq_table3", "GPTQ (Frantar et al. 2022), table 3: OPT on WikiText-2.", [GPTQ_PAPER + "Table 3"], "wikitext2",
          "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table4", "GPTQ (Frantar et al. 2022), table 4: BLOOM on WikiText-2.", [GPTQ_PAPER + "Table 4"],
          "wikitext2", "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table5", """GPTQ (Frantar et al. 2022), table 5: OPT-175B and BLOOM-176B, with groups, on three texts.
One run is of one text, and the figures of the others are not measured in it: give another one by --set dataset.text=...""",
          ["GPTQ Table 5"], "wikitext2", "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table7", "GPTQ (Frantar et al. 2022), table 7: 2 bits in small groups.",
          ["GPTQ Table 7", "GPTQ sec 4 (ternary)"], "wikitext2", "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table8_obq", """GPTQ (Frantar et al. 2022), table 8: OBQ and GPTQ. OBQ takes columns^3 operations for each row: hours for
OPT-125M.""", ["GPTQ Table 8"], "wikitext2", "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table9_ptb", "GPTQ (Frantar et al. 2022), table 9: OPT on PTB.", [GPTQ_PAPER + "Table 9"], "ptb-new",
          "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table10_ptb", "GPTQ (Frantar et al. 2022), table 10: BLOOM on PTB.", [GPTQ_PAPER + "Table 10"], "ptb-new",
          "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table11_c4", "GPTQ (Frantar et al. 2022), table 11: OPT on C4.", [GPTQ_PAPER + "Table 11"], "c4-new",
          "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_table12_c4", "GPTQ (Frantar et al. 2022), table 12: BLOOM on C4.", [GPTQ_PAPER + "Table 12"], "c4-new",
          "gptq-2048", gptq_entry, CALIBRATION_C4),
    Table("gptq_llama", """The README of GPTQ's repository: LLaMA and act-order. Its columns of LLaMA are with --true-sequential, act-order
only without groups.""", ["gptq/README.md (IST-DASLab)", "gptq/README.md"], "wikitext2", "gptq-2048", gptq_entry,
          CALIBRATION_C4[:-1] + ", true_sequential: true}"),
    Table("awq_table1", """AWQ (Lin et al. 2023), table 1: INT3 in groups of 128, with 0.1, 1 or 3 % of the input channels kept in f16, chosen by
activation, by the norm of the weights, or at random.""", ["AWQ arXiv:2306.00978 Table 1"], "wikitext2", "gptq-2048",
          awq_entry, CALIBRATION_PILE,
          ordering=[("salient:int3:g128:grid=spread", "salient:int3:g128:by=weight:grid=spread"),
                    ("salient:int3:g128:grid=spread", "salient:int3:g128:by=random:grid=spread")]),
    Table("awq_table2", """AWQ (Lin et al. 2023), table 2: OPT-6.7B, INT3 in groups of 128; 1 % of the input channels multiplied by s before
rounding.""", ["AWQ Table 2"], "wikitext2", "gptq-2048", awq_entry, CALIBRATION_PILE,
          ordering=[("salient:int3:g128:times=2:grid=spread", "salient:int3:g128:times=1.25:grid=spread"),
                    ("salient:int3:g128:times=2:grid=spread", "salient:int3:g128:times=4:grid=spread")]),
    Table("awq_table3", "AWQ (Lin et al. 2023), table 3: OPT, INT3 in groups of 128.", ["AWQ Table 3"], "wikitext2",
          "gptq-2048", awq_entry, CALIBRATION_PILE),
    Table("awq_table4", """AWQ (Lin et al. 2023), table 4: Llama 1 and 2 in groups of 128. GPTQ-R orders columns and finds grids on the way, so
its columns of a group lie scattered (`dynamic`): for measuring, no file holds it.""", ["AWQ Table 4"], "wikitext2",
          "gptq-2048", awq_entry, CALIBRATION_PILE),
    Table("awq_int2", "AWQ (Lin et al. 2023), the combination table (9, or 6 in early versions): INT2 in groups of 64.",
          ["AWQ Table 9 (v6) / Table 6 (early)"], "wikitext2", "gptq-2048", awq_entry, CALIBRATION_PILE,
          ordering=[("awq+gptq:int2:g64:reference", "gptq:int2:g64:reference"),
                    ("gptq:int2:g64:reference", "zero_point:int2:g64:grid=spread")]),
    Table("awq_calibration", """AWQ (Lin et al. 2023), figure 8: how much text, and of which kind. OPT-6.7B, INT3 in groups of 128. The paper gives the
cost of calibrating on another domain (PubMed and Enron) as differences of two runs, so no single run has them:
  quantbench run configs/papers/awq_calibration.yaml --set model=... --set calibration.text=enron.txt  --out enron
  quantbench run configs/papers/awq_calibration.yaml --set model=... --set calibration.text=pubmed.txt --out pubmed
  quantbench explain enron/report.json pubmed/report.json
Of the size it says that AWQ with 16 sequences is at least as good as GPTQ with 192; in one run, with 16 for both:""",
          ["AWQ Fig 8 (cross-distribution calibration)"], "wikitext2", "gptq-2048", awq_entry,
          CALIBRATION_PILE.replace("chunks: 128", "chunks: 16"),
          ordering=[("awq:int3:g128:clip", "gptq:int3:g128:reference")]),
    Table("kquants", """K-quants: llama.cpp pull request 1684 (June 2023), the tables of its quantize tool and what files take. The mixes are those of
February 2025, encoders are quantbench's own without an importance matrix: low-bit types are expected to be better than
published, hence the wide tolerances. Windows of 512 tokens of wiki.test.raw, 655 of them with the tokenizer of Llama 1 and 2.""",
          ["llama.cpp#1684", "llama.cpp quantize help (2024 H1 versions)", "llama.cpp examples/quantize/README.md",
           "llama.cpp examples/quantize/README.md (outdated table)"], "wiki.test.raw", "llamacpp-512", kquant_entry,
          CALIBRATION_WIKI_TRAIN),
    Table("llamacpp_kld", """The scoreboard of llama.cpp's perplexity tool for Llama-3-8B: perplexity, KL divergence from f16, with and without an
importance matrix of wiki.train.raw. Divergences there are of probabilities stored in 16 bits: 0.00055 of f16 from itself.""",
          [SCOREBOARD, SCOREBOARD + " (no imatrix)", "llama.cpp examples/perplexity/README.md @83330d8c"],
          "wiki.test.raw", "llamacpp-512", gguf_entry, CALIBRATION_WIKI_TRAIN, "[perplexity, kld]"),
    Table("imatrix", """Importance matrices: llama.cpp pull requests 4930 (K-quants) and 4969 (Q4_0, Q4_1), and a comment on 4856. Each file with
(`imatrix` from the calibration text) and without.""", ["llama.cpp#4930", "llama.cpp#4969", "llama.cpp#4856 comment"],
          "wiki.test.raw", "llamacpp-512", iq_entry, CALIBRATION_WIKI_TRAIN,
          ordering=[(f"{mix(name, True)}", f"{mix(name, False)}")
                    for name in ("q2_k", "q3_k_s", "q3_k_m", "q4_k_s", "q4_k_m", "q5_k_s", "q4_0")]),
    Table("iquants", """IQ types: llama.cpp pull requests 4773 and 5320 (IQ2_XXS), 4856 (IQ2_XS), 5196 (IQ3_XXS), 5332, 5453, 5971 and 5999 (IQ1_S),
6302 (IQ1_M), 5676 and 5829 (IQ3_S), 12557, and Artefact2's divergences. All with an importance matrix. Many were measured with 4096
tokens: --set dataset.protocol=llamacpp-4096.""",
          ["llama.cpp#4773", "llama.cpp#5320", "llama.cpp#4856 / #5451", "llama.cpp#5451 user rerun", "llama.cpp#5196",
           "llama.cpp#5332/#5334", "llama.cpp#5453", "llama.cpp#5971", "llama.cpp#5999", "llama.cpp#5999 thread",
           "llama.cpp#6302", "llama.cpp#5676", "llama.cpp#5829", "llama.cpp#12557", "Artefact2 gist (Mistral-7B KLD)"],
          "wiki.test.raw", "llamacpp-512", iq_entry, CALIBRATION_WIKI_TRAIN, "[perplexity, kld]"),
    Table("kv_cache_llamacpp", """Quantized keys and values in llama.cpp: pull requests 7412 (Llama-3-8B) and 21551 (the first 8 windows: --set
dataset.chunks=8), and ik_llama.cpp 1034. Where the pull request rotates keys and values, here keys are rotated.""",
          ["llama.cpp#7412", "llama.cpp#21551", "ik_llama.cpp#1034"], "wiki.test.raw", "llamacpp-512", kv_entry, "",
          "[perplexity, kld]"),
    Table("kv_cache_papers", """Quantized keys and values in papers: QuaRot (Ashkboos et al. 2024, appendix A.3; heads of 128, so groups of 128 are heads),
KVQuant (Hooper et al. 2024; windows of the model's whole context: --set dataset.protocol=gptq-4096 for Llama 2), KIVI
(Liu et al. 2024) and exllamav2.""",
          ["QuaRot A.3 (text)", "KVQuant arXiv:2401.18079", "KIVI arXiv:2402.02750 LongBench avg",
           "exllamav2 doc/qcache_eval.md"], "wikitext2", "gptq-2048", kv_entry, "", "[perplexity]"),
]

# ------------------------------------------------------------------ reading and writing


def collect(path: pathlib.Path) -> list[dict]:
    """The records of the tables above, one number each."""
    wanted = {source for table in TABLES for source in table.sources}
    records = []
    for figure in json.loads(path.read_text(encoding="utf-8"))["figures"]:
        if figure["source"] not in wanted or figure["verified"] is not True or left_out(figure["metric"]):
            continue
        if figure["method"].startswith("Q2_K_S") and "no no-imatrix" in figure.get("note", ""):
            continue
        main = {key: figure[key] for key in ("source", "model", "dataset", "protocol", "method", "bits", "group_size")}
        main["model_name"] = folder(figure["model"])
        for key in ("imatrix", "note"):
            if key in figure:
                main[key] = figure[key]
        records.append(main | {"metric": figure["metric"], "value": figure["value"]})
        for side in SIDE_FIGURES:
            if side in figure:
                records.append(main | {"metric": side, "value": figure[side]})
    return records


def load() -> list[Record]:
    return [Record(**record) for record in json.loads(FIGURES.read_text(encoding="utf-8"))]


def number(value: float) -> str:
    text = format(value, ".10f").rstrip("0").rstrip(".")
    return text if text not in ("-0", "") else "0"


def quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_.+=/%-]+(:[A-Za-z0-9_.+=/%-]+)*", text) else json.dumps(text, ensure_ascii=False)


def rows_of(table: Table, records: list[Record]) -> list[dict]:
    """Entries, those of one row of the paper's table together."""
    rows: list[dict] = []
    for record in records:
        if record.source not in table.sources or not table.keep(record):
            continue
        said = record.method
        entry = table.entry(Record(**vars(record)))
        key = {
            "method": entry.method,
            "metric": entry.metric,
            "source": record.source,
            "dataset": dataset_label(table, record, entry),
            "protocol": entry.protocol or PROTOCOLS.get(record.protocol, table.protocol),
            "windows": entry.windows,
            "tolerance": entry.tolerance,
            "unmeasurable": entry.unmeasurable,
        }
        same = [row for row in rows if row["key"] == key and record.model_name not in row["values"]]
        if not same:
            same = [{"key": key, "values": {}, "said": said, "imatrix": record.imatrix}]
            rows.extend(same)
        same[0]["values"][record.model_name] = record.value
    return rows


def dataset_label(table: Table, record: Record, entry: Entry) -> str:
    """How a report calls the text: by its loader, or by the name of a file that is taken as it is."""
    if entry.unmeasurable:
        return record.dataset
    if record.dataset.startswith("wikitext2") and table.dataset == "wiki.test.raw":
        return table.dataset
    return {"wikitext2": WIKITEXT2, "ptb-new": PTB, "c4-new": C4, "-": ""}[record.dataset]


def most_common(rows: list[dict], key: str, otherwise: str) -> object:
    values = [row["key"][key] for row in rows if not row["key"]["unmeasurable"]] or [otherwise]
    return max(values, key=values.count)


def comment(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def published(row: dict, common: dict) -> str:
    key = row["key"]
    parts = [f"method: {quoted(key['method'])}"]
    if key["metric"] != "perplexity":
        parts.append(f"metric: {quoted(key['metric'])}")
    parts += [f"{name}: {quoted(str(key[name]))}" for name in ("source", "dataset", "protocol") if key[name] and key[name] != common[name]]
    if key["windows"]:
        parts.append(f"windows: {key['windows']}")
    if key["unmeasurable"]:
        parts.append(f"unmeasurable: {quoted(key['unmeasurable'])}")
    elif key["tolerance"] != common["tolerance"]:
        parts.append(f"tolerance: {key['tolerance']}")
    values = ", ".join(f"{model}: {number(value)}" for model, value in row["values"].items())
    text = f"    - {{{', '.join(parts)},\n       values: {{{values}}}}}"
    one_line = text.replace(",\n      ", ",")
    return (one_line if len(one_line) <= 120 else text) + "\n"


def config(table: Table, records: list[Record]) -> str:
    rows = rows_of(table, records)
    if not rows:
        raise SystemExit(f"{table.file}: no record of {table.sources}")
    usual = {"source": table.sources[0], "dataset": WIKITEXT2, "protocol": table.protocol, "tolerance": CALIBRATED}
    common = {name: most_common(rows, name, otherwise) for name, otherwise in usual.items()}
    about = table.about
    if table.entry is gptq_entry:
        about += "\n\n" + GPTQ_ABOUT.format(what="row or group")
    if table.entry is awq_entry:
        about += "\n\n" + AWQ_ABOUT
    model = next(iter(rows[0]["values"]))
    text = comment(f"{about}\n\n  quantbench run configs/papers/{table.file}.yaml --set model=/path/to/{model}\n\n"
                   "Made by scripts/make_paper_configs.py from figures.json: change it there. docs/papers.md explains it.")
    text += f"name: {table.file}\n"
    text += f"dataset: {TEXTS[table.dataset] % table.protocol}\n"
    if table.calibration:
        text += f"calibration: {table.calibration}\n"
    text += f"metrics: {table.metrics}\nexpectations:\n"
    text += "".join(f"  {name}: {quoted(str(common[name]))}\n" for name in ("source", "dataset", "protocol", "tolerance"))
    text += "  published:\n"
    said = None
    for row in rows:
        heading = row["said"] + (f", imatrix: {row['imatrix']}" if row["imatrix"] not in (None, "") else "")
        heading += f" [{row['key']['source']}]" if row["key"]["source"] != common["source"] else ""
        if heading != said:
            text += comment(heading).replace("# ", "    # ")
            said = heading
        text += published(row, common)
    if table.ordering:
        text += "  ordering:\n"
        metric = f", metric: {table.ordering_metric}" if table.ordering_metric else ""
        for better, worse in table.ordering:
            text += f"    - {{better: {quoted(better)}, worse: {quoted(worse)}{metric}}}\n"
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collect", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.collect:
        lines = [json.dumps(record, ensure_ascii=False) for record in collect(arguments.collect)]
        FIGURES.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    records = load()
    stale = []
    for table in TABLES:
        path, text = FOLDER / f"{table.file}.yaml", config(table, records)
        if arguments.check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(path.name)
        elif not arguments.check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} is not what scripts/make_paper_configs.py writes", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
