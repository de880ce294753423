"""GPTQ as published, in torch, for its time and memory: asymmetric min-max grids of a group of columns, natural order.

An own rendering of the algorithm (Frantar et al. 2022, arXiv 2210.17323) with the choices and the division of work of the authors'
code, which is what makes its time: f32 throughout; H = 2/N X'X; 1 % of the mean diagonal added; the inverse of H by Cholesky and
the upper factor of that; columns one by one in blocks of 128, the rest of the matrix updated after each block.

    reference.py WEIGHTS ACTIVATIONS OUT.json --bits 4 --group 128 --threads 2
prints nothing; OUT.json gets the seconds of each part, the peak of resident memory and the layer error.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

BLOCK = 128
DAMPING = 0.01


def hessian_of(x: torch.Tensor) -> torch.Tensor:
    scaled = x.t() * (2.0 / x.shape[0]) ** 0.5
    return scaled @ scaled.t()


def inverse_factor(hessian: torch.Tensor) -> torch.Tensor:
    """Upper U with U'U = H^-1, of the damped H."""
    damped = hessian.clone()
    damped.diagonal().add_(DAMPING * hessian.diagonal().mean())
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True)


def grid_of(group: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and zero point of each row, (rows)."""
    most = 2**bits - 1
    low = group.amin(1).clamp(max=0)
    high = group.amax(1).clamp(min=0)
    empty = (low == 0) & (high == 0)
    low, high = torch.where(empty, -1.0, low), torch.where(empty, 1.0, high)
    scale = (high - low) / most
    return scale, torch.round(-low / scale)


def quantize(weights: torch.Tensor, factor: torch.Tensor, bits: int, group: int) -> torch.Tensor:
    most = 2**bits - 1
    rest = weights.clone()
    quantized = torch.zeros_like(rest)
    for first in range(0, rest.shape[1], BLOCK):
        last = min(first + BLOCK, rest.shape[1])
        block = rest[:, first:last].clone()
        errors = torch.zeros_like(block)
        of_block = factor[first:last, first:last]
        for i in range(last - first):
            column = first + i
            if column % group == 0:
                scale, zero = grid_of(rest[:, column : column + group], bits)
            levels = torch.clamp(torch.round(block[:, i] / scale) + zero, 0, most)
            rounded = scale * (levels - zero)
            error = (block[:, i] - rounded) / of_block[i, i]
            block[:, i:] -= error.unsqueeze(1) @ of_block[i, i:].unsqueeze(0)
            quantized[:, column], errors[:, i] = rounded, error
        rest[:, last:] -= errors @ factor[first:last, last:]
    return quantized


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("activations", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--group", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    weights, x = load_file(arguments.weights)["weight"], load_file(arguments.activations)["x"]
    warm = torch.randn(256, 256)
    torch.linalg.cholesky(warm @ warm.t() + 256 * torch.eye(256))  # loads the libraries
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    marks = [time.perf_counter()]
    hessian = hessian_of(x)
    marks.append(time.perf_counter())
    factor = inverse_factor(hessian)
    marks.append(time.perf_counter())
    quantized = quantize(weights, factor, arguments.bits, arguments.group)
    marks.append(time.perf_counter())
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    difference = (weights - quantized).double()
    error = float(((difference @ x.double().t()) ** 2).sum() * 2 / x.shape[0])
    seconds = dict(zip(("calibration", "factor", "columns"), (b - a for a, b in zip(marks, marks[1:]))))
    arguments.out.write_text(
        json.dumps({"seconds": seconds, "peak_mib": after / 1024, "peak_before_mib": before / 1024, "layer_error": error})
    )


if __name__ == "__main__":
    main()
