#!/usr/bin/env python3
"""Writes testdata/architectures: small random models of every architecture as the Python package `transformers` saves them,
and the logits that it computes for random tokens.

    pip install torch transformers safetensors
    scripts/make_architecture_fixtures.py [--only NAME] [--out testdata/architectures]

Each folder NAME holds config.json and model.safetensors (f32); NAME.safetensors beside it `tokens` (windows, length) and
`logits` (windows, length, vocabulary).  Weights are wide, biases and norms are random: whatever is left out shows in the logits.
"""
import argparse
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

VOCABULARY = 61
WINDOWS, LENGTH = 2, 24
LLAMA = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def llama(**changes):
    return {**LLAMA, **changes}


def rope(**parameters):
    return {"rope_parameters": {"rope_theta": 10000.0, **parameters}}


MODELS = {
    "llama": ("LlamaConfig", llama(head_dim=10)),
    "llama_tied_biased": ("LlamaConfig", llama(tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
    "llama_linear": ("LlamaConfig", llama(**rope(rope_type="linear", factor=2.5))),
    "llama3_rope": ("LlamaConfig", llama(**rope(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=16))),
    "llama_yarn": ("LlamaConfig", llama(**rope(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=16))),
    "mistral": ("MistralConfig", llama(sliding_window=7)),
    "qwen2": ("Qwen2Config", llama()),
    "qwen3": ("Qwen3Config", llama(head_dim=12)),
    "gemma2": ("Gemma2Config", llama(head_dim=12, sliding_window=6, query_pre_attn_scalar=20)),
    "gemma3": ("Gemma3TextConfig", llama(
        head_dim=12, sliding_window=6, query_pre_attn_scalar=20, num_hidden_layers=7, hidden_size=24,
        rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}})),
    "phi3": ("Phi3Config", llama(sliding_window=9)),
    "phi3_long": ("Phi3Config", llama(
        original_max_position_embeddings=16,
        **rope(rope_type="longrope", short_factor=[1.0, 1.1, 1.2, 1.5], long_factor=[1.0, 2.0, 3.5, 6.0],
               original_max_position_embeddings=16))),
    "opt": ("OPTConfig", dict(
        vocab_size=VOCABULARY, hidden_size=32, ffn_dim=80, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=40, word_embed_proj_dim=32, pad_token_id=1, bos_token_id=2, eos_token_id=2)),
    "opt_350m": ("OPTConfig", dict(
        vocab_size=VOCABULARY, hidden_size=32, ffn_dim=80, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=40, word_embed_proj_dim=20, do_layer_norm_before=False, pad_token_id=1, bos_token_id=2,
        eos_token_id=2)),
    "gpt2": ("GPT2Config", dict(
        vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=40, bos_token_id=0, eos_token_id=0)),
    "gpt_neox": ("GPTNeoXConfig", dict(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=72, num_hidden_layers=3, num_attention_heads=4,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
        max_position_embeddings=64, bos_token_id=0, eos_token_id=0)),
    "gpt_neox_sequential": ("GPTNeoXConfig", dict(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=2,
        use_parallel_residual=False, max_position_embeddings=64, bos_token_id=0, eos_token_id=0)),
    "bloom": ("BloomConfig", dict(
        vocab_size=VOCABULARY, hidden_size=36, n_layer=3, n_head=6, bos_token_id=1, eos_token_id=2, pad_token_id=0)),
}


def randomize(model, generator):
    """Matrices keep the variance of what they multiply; everything else is far from its neutral value."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 2:
                inputs = parameter.shape[0] if "c_" in name else parameter.shape[1]
                parameter.copy_(noise * (1.0 if "embed" in name or "wte" in name or "wpe" in name else 1.5 / inputs**0.5))
            else:
                neutral = parameter.mean()  # ones of norms, zeros of biases (and of norms that add one)
                parameter.copy_(neutral + 0.3 * noise)


def write(name, config_class, members, out):
    generator = torch.Generator().manual_seed(sum(name.encode()))
    config = getattr(transformers, config_class)(**members)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    randomize(model, generator)
    tokens = torch.randint(3, VOCABULARY, (WINDOWS, LENGTH), generator=generator)
    with torch.no_grad():
        logits = model(tokens).logits
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({"tokens": tokens.to(torch.int32), "logits": logits.contiguous()}, out / f"{name}.safetensors")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name}: {size / 1024:.0f} KiB, largest logit {logits.abs().max():.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=MODELS, help="write this model alone")
    parser.add_argument("--out", type=Path, default=Path("testdata/architectures"))
    arguments = parser.parse_args()
    for name, (config_class, members) in MODELS.items():
        if arguments.only in (None, name):
            write(name, config_class, members, arguments.out)


if __name__ == "__main__":
    main()
