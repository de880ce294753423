#!/usr/bin/env python3
"""Makes testdata/packed_checkpoints: small layers packed by the code of the projects that own the layouts, with the weights that
their own code makes of them.

Each case is a directory with the configuration, model.safetensors (packed) and expected.safetensors (`<layer>.weight`, as their
code decodes it, in the type of the scales; for packages that decode on a GPU only, from the codes that were packed).

    python3 -m venv /tmp/fixtures && cd /tmp/fixtures
    bin/pip install torch transformers accelerate compressed-tensors
    bin/pip install --no-deps auto-gptq autoawq gptqmodel          # and what gptqmodel imports: see its metadata
    bin/pip install --no-deps --target older compressed-tensors==0.9.4
    bin/python scripts/make_packed_fixtures.py testdata/packed_checkpoints --older-compressed-tensors older

Made with torch 2.15.0, auto-gptq 0.7.1, gptqmodel 7.7.0, autoawq 0.2.9, compressed-tensors 0.20.0 and 0.9.4.
"""

import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import types

import torch
from safetensors.torch import save_file

ROWS, COLS = 32, 128
LAYER = "model.layers.0.mlp.up_proj"


class Layer:
    """Random codes, f16 scales and zero points, and the weights that they stand for (f32, exact)."""

    def __init__(self, bits, group, symmetric, seed, rows=ROWS, cols=COLS, act_order=False, least_zero=0):
        random = torch.Generator().manual_seed(seed)
        self.bits, self.rows, self.cols, self.symmetric = bits, rows, cols, symmetric
        self.group = cols if group == -1 else group
        self.group_size = group
        groups = cols // self.group
        self.codes = torch.randint(0, 2**bits, (rows, cols), generator=random)
        self.scales = (torch.rand((rows, groups), generator=random) * 0.1 + 0.01).half()
        self.zeros = (torch.full((rows, groups), 2 ** (bits - 1)) if symmetric
                      else torch.randint(least_zero, 2**bits, (rows, groups), generator=random))
        order = torch.randperm(cols, generator=random) if act_order else torch.arange(cols)
        self.g_idx = torch.empty(cols, dtype=torch.int32)
        self.g_idx[order] = (torch.arange(cols) // self.group).to(torch.int32)
        index = self.g_idx.long()
        self.weight = self.scales.float()[:, index] * (self.codes - self.zeros[:, index]).float()

    def linear(self):
        linear = torch.nn.Linear(self.cols, self.rows, bias=False)
        linear.weight.data = self.weight.clone()
        return linear


def save(folder, tensors, expected, config, config_name="config.json"):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"{LAYER}.{name}": value.contiguous() for name, value in tensors.items()}, folder / "model.safetensors")
    save_file({f"{LAYER}.weight": expected.contiguous()}, folder / "expected.safetensors")
    content = config if config_name != "config.json" else {"model_type": "llama", "quantization_config": config}
    (folder / config_name).write_text(json.dumps(content, indent=1) + "\n")


def module_of_file(package, path):
    """A file of an installed package whose __init__ does not work with today's transformers."""
    root = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, root / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_auto_gptq(out):
    """v1, packed and decoded by AutoGPTQ (which decodes by multiplying: the identity makes it give the weights)."""
    module = module_of_file("auto_gptq", "nn_modules/qlinear/qlinear_cuda_old.py")
    for bits in (2, 3, 4, 8):
        for symmetric in (True, False):
            layer = Layer(bits, 64, symmetric, seed=bits, least_zero=1)
            packed = module.QuantLinear(bits, layer.group, layer.cols, layer.rows, bias=False, weight_dtype=torch.float32)
            packed.pack(layer.linear(), layer.scales.float(), layer.zeros.float(), None)
            weight = packed(torch.eye(layer.cols)).t()
            config = {"bits": bits, "group_size": 64, "desc_act": False, "sym": symmetric}
            tensors = {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales.half(),
                       "g_idx": torch.arange(layer.cols, dtype=torch.int32) // 64}
            save(out / f"auto_gptq_{bits}bit_{'sym' if symmetric else 'asym'}", tensors, weight, config,
                 "quantize_config.json")


def make_gptqmodel(out):
    """v2 as GPTQModel packs, and v1 as it converts to; with act-order, and one group for all of a row."""
    from gptqmodel.nn_modules.qlinear.torch import TorchLinear
    from gptqmodel.utils.model import convert_gptq_v2_to_v1_format_module
    for name, bits, group, symmetric, act_order, v1 in (
            ("2bit_v2", 2, 32, False, False, False), ("3bit_v2", 3, 32, False, False, False),
            ("4bit_v2", 4, 32, False, False, False), ("8bit_v2", 8, 32, False, False, False),
            ("4bit_v2_act_order", 4, 32, False, True, False), ("3bit_v1_act_order", 3, 64, True, True, True),
            ("4bit_v1_row", 4, -1, True, False, True), ("3bit_v1", 3, 32, False, False, True),
            ("4bit_v1", 4, 32, False, False, True)):
        layer = Layer(bits, group, symmetric, seed=20 + bits, act_order=act_order, least_zero=1 if v1 else 0)
        packed = TorchLinear(bits=bits, group_size=group, sym=symmetric, desc_act=act_order, in_features=layer.cols,
                             out_features=layer.rows)
        packed.pack_block(layer.linear(), layer.scales.float(), layer.zeros.to(torch.int32), layer.g_idx)
        packed.post_init()
        packed.eval()
        weight = packed.dequantize_weight().t().clone()
        if v1:
            convert_gptq_v2_to_v1_format_module(packed, types.SimpleNamespace(bits=bits, pack_dtype=torch.int32))
        tensors = {key: getattr(packed, key).clone() for key in ("qweight", "qzeros", "scales", "g_idx")}
        config = {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": act_order, "sym": symmetric,
                  "checkpoint_format": "gptq" if v1 else "gptq_v2", "pack_dtype": "int32"}
        save(out / f"gptqmodel_{name}", tensors, weight, config)


def make_awq(out):
    """The three layouts as AutoAWQ packs them. It decodes gemm on a CPU; the other two only on a GPU."""
    from awq.modules.linear.gemm import WQLinear_GEMM
    from awq.modules.linear.gemv import WQLinear_GEMV
    from awq.modules.linear.gemv_fast import WQLinear_GEMVFast
    from awq.utils.packing_utils import dequantize_gemm
    for name, kind, group in (("gemm", WQLinear_GEMM, 64), ("gemm_row", WQLinear_GEMM, -1), ("gemv", WQLinear_GEMV, 64),
                              ("gemv_g32", WQLinear_GEMV, 32), ("gemv_fast", WQLinear_GEMVFast, 64)):
        layer = Layer(4, group, False, seed=40)
        scales, zeros = layer.scales.float(), layer.zeros.float()
        if kind is WQLinear_GEMM:
            scales, zeros = scales.t().contiguous(), zeros.t().contiguous()
        packed = kind.from_linear(layer.linear(), 4, layer.group, scales=scales, zeros=zeros)
        weight = layer.weight.half()
        if kind is WQLinear_GEMM:
            weight = dequantize_gemm(packed.qweight, packed.qzeros, packed.scales, 4, layer.group).t()
        tensors = {key: getattr(packed, key) for key in ("qweight", "qzeros", "scales")}
        version = "gemm" if kind is WQLinear_GEMM else "gemv" if kind is WQLinear_GEMV else "gemv_fast"
        config = {"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": True, "version": version}
        save(out / f"awq_{name}", tensors, weight, config)


COMPRESSED_CASES = (
    # name, bits, group (-1: channel, 0: tensor), symmetric, type of the scales
    ("4bit_sym", 4, 32, True, "float16"), ("4bit_asym", 4, 64, False, "float16"), ("4bit_channel", 4, -1, True, "float16"),
    ("4bit_tensor", 4, 0, True, "float16"), ("8bit_channel_asym", 8, -1, False, "float16"),
    ("3bit_asym", 3, 32, False, "float16"), ("5bit_sym", 5, 64, True, "float16"), ("6bit_sym", 6, 64, True, "float16"),
    ("7bit_asym", 7, 64, False, "float16"), ("2bit_sym", 2, 32, True, "float16"), ("4bit_bf16", 4, 32, True, "bfloat16"))


def make_compressed_tensors(out, prefix, cases):
    """compressed-tensors, pack-quantized: packed and decoded by the package that can be imported."""
    import compressed_tensors
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    for name, bits, group, symmetric, scale_type in cases:
        layer = Layer(bits, group if group else -1, symmetric, seed=60 + bits)
        dtype = getattr(torch, scale_type)
        scales = layer.scales.to(dtype)
        zeros = (layer.zeros - 2 ** (bits - 1)).to(torch.int8)
        if group == 0:
            scales, zeros = scales[:1, 0], zeros[:1, 0]
        codes = (layer.codes - 2 ** (bits - 1)).float()
        index = layer.g_idx.long()
        wide_scales = scales.float() if group == 0 else scales.float()[:, index]
        weight = wide_scales * (codes - (zeros.float() if group == 0 else zeros.float()[:, index]))
        args = QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric,
                                strategy="tensor" if group == 0 else "channel" if group == -1 else "group",
                                group_size=group if group > 0 else None)
        scheme = QuantizationScheme(targets=["Linear"], weights=args)
        state = {"weight": weight, "weight_scale": scales}
        if not symmetric:
            state["weight_zero_point"] = zeros
        tensors, expected = pack_by_package(state, scheme, args, scales)
        weights = {"num_bits": bits, "type": "int", "symmetric": symmetric, "strategy": getattr(args.strategy, "value", args.strategy),
                   "group_size": args.group_size, "actorder": None, "dynamic": False}
        config = {"quant_method": "compressed-tensors", "format": "pack-quantized", "version": compressed_tensors.__version__,
                  "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None,
                                                "output_activations": None}},
                  "ignore": ["lm_head"], "quantization_status": "compressed"}
        save(out / f"{prefix}_{name}", tensors, expected, config)


def pack_by_package(state, scheme, args, scales):
    try:
        from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
        tensors = PackedQuantizationCompressor.compress(state, scheme)
        return tensors, PackedQuantizationCompressor.decompress(tensors, scheme)["weight"]
    except ImportError:  # 0.9
        from compressed_tensors.compressors.quantized_compressors.pack_quantized import PackedQuantizationCompressor
        compressor = PackedQuantizationCompressor()
        tensors = compressor.compress_weight(weight=state["weight"], scale=scales, quantization_args=args,
                                             zero_point=state.get("weight_zero_point"))
        stored = {**tensors, **{key: value for key, value in state.items() if key != "weight"}}
        return stored, compressor.decompress_weight(stored, quantization_args=args)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--older-compressed-tensors", help="folder of compressed-tensors 0.9.4")
    parser.add_argument("--only-older", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_older:
        sys.path.insert(0, arguments.older_compressed_tensors)
        make_compressed_tensors(arguments.out, "older_compressed_tensors",
                                (("3bit_sym", 3, 32, True, "float16"), ("6bit_sym", 6, 64, True, "float16")))
        return
    make_auto_gptq(arguments.out)
    make_gptqmodel(arguments.out)
    make_awq(arguments.out)
    make_compressed_tensors(arguments.out, "compressed_tensors", COMPRESSED_CASES)
    if arguments.older_compressed_tensors:  # another version of a package that is imported already
        subprocess.run([sys.executable, *sys.argv, "--only-older"], check=True)


if __name__ == "__main__":
    main()
