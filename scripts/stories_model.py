"""The Llama-architecture network of the `stories` reference model, in PyTorch.

Weights are named and laid out as a GGUF `llama` file has them ([out, in], RoPE on
the pairs (2i, 2i+1)), so that exporting is a plain copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network; every row length is a multiple of 256."""

    vocab_size: int = 2048
    width: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 768
    context: int = 512
    norm_eps: float = 1e-5
    rope_base: float = 10000.0

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


def rope_tables(config: ModelConfig, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, [length, head_dim / 2]."""
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float64)
    frequency = config.rope_base ** (-half / config.head_dim)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE on interleaved pairs; x is [batch, heads, time, head_dim]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return rotated.flatten(-2)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation, always computed in f32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


class Block(nn.Module):
    """One transformer layer: grouped-query attention and SwiGLU, both pre-normed."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        kv_width = config.kv_heads * config.head_dim
        self.config = config
        self.attn_norm = RMSNorm(config.width, config.norm_eps)
        self.attn_q = nn.Linear(config.width, config.width, bias=False)
        self.attn_k = nn.Linear(config.width, kv_width, bias=False)
        self.attn_v = nn.Linear(config.width, kv_width, bias=False)
        self.attn_output = nn.Linear(config.width, config.width, bias=False)
        self.ffn_norm = RMSNorm(config.width, config.norm_eps)
        self.ffn_gate = nn.Linear(config.width, config.feed_forward, bias=False)
        self.ffn_up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.ffn_down = nn.Linear(config.feed_forward, config.width, bias=False)

    def attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, time, _ = x.shape
        shape = (batch, time, -1, self.config.head_dim)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.attn_q, self.attn_k, self.attn_v))
        q, k = rotate_pairs(q, cos, sin), rotate_pairs(k, cos, sin)
        repeat = self.config.heads // self.config.kv_heads
        k, v = k.repeat_interleave(repeat, dim=1), v.repeat_interleave(repeat, dim=1)
        mixed = functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        return self.attn_output(mixed.transpose(1, 2).reshape(batch, time, -1))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attn_norm(x), cos, sin)
        h = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(h)) * self.ffn_up(h))


class StoriesModel(nn.Module):
    """Decoder-only language model whose output matrix is the embedding (tied)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocab_size, config.width)
        self.blk = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_norm = RMSNorm(config.width, config.norm_eps)
        cos, sin = rope_tables(config, config.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        residual_scale = 1.0 / math.sqrt(2 * self.config.layers)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                fan_in = parameter.shape[1]
                std = 0.02 if name.startswith("token_embd") else fan_in**-0.5
                if "attn_output" in name or "ffn_down" in name:
                    std *= residual_scale
                nn.init.normal_(parameter, std=std)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Normed final hidden states, [batch, time, width]."""
        time = tokens.shape[1]
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, self.cos[:time], self.sin[:time])
        return self.output_norm(x)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, [batch, time, vocabulary]."""
        return functional.linear(self.hidden(tokens), self.token_embd.weight)
