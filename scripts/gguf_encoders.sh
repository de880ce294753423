#!/usr/bin/env bash
# Writes results/gguf_encoders.md: the error of the solver search in every GGUF format, beside the reference encoder and the
# exhaustive optimum. Usage: scripts/gguf_encoders.sh [BUILD_DIR]   (default build/release; takes some minutes)
set -euo pipefail
cd "$(dirname "$0")/.."
test_program="${1:-build/release}/quantizers/quantizers_test"
if [ ! -x "$test_program" ]; then
  echo "gguf_encoders.sh: $test_program is not built; run: cmake --build --preset release --target quantizers_test" >&2
  exit 2
fi
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$test_program" --gtest_filter='SlowEncoderTable.*' > "$output"

section() { sed -n "s/^$1 //p" "$output"; }
{
  cat << 'TEXT'
# The encoders of the GGUF formats

Written by `scripts/gguf_encoders.sh` from the test `SlowEncoderTable`; how the encoders work and their speed:
[docs/encoders.md](../docs/encoders.md).

Errors are relative RMSE, ||W - W'|| / ||W||; with importance each square counts times the importance of its column. *Reference*
is the reference encoder (its figures are in `testdata/formats/encode/reference.json`, with its version); *fast*, *default* and
*best* are the efforts of `search`. The tensors have 64 x 2048 weights: Gaussian, Student-t with 5 degrees of freedom, and
Gaussian with ten columns of outliers.

## Default effort over the reference, geometric mean of the three tensors with and without importance

TEXT
  section MEANS
  cat << 'TEXT'

## Distance from the optimum

Relative RMSE with importance over that of the best that the format can store, found by trying everything, for the first 2048
weights of the Gaussian tensor (128 for formats with an offset, 256 for super-blocks). 1.0000 is optimal. For super-blocks with mins not everything
can be tried: there the optimum is over one unit with the other one as `best` found it, so `best` may be below it by what it
gains from choosing both.

TEXT
  section BOUND
  cat << 'TEXT'

Two formats leave their encoder little. Q1_0 without importance leaves nothing: the mean magnitude is optimal, and the reference
stores it. Q8_0 has a floor: rounding to 255 levels gives an error near 1 / (127 sqrt(12)) = 0.23 % of the largest weight of
32, half a percent of the norm of Gaussian ones, whatever the scale; what is gained over the reference comes from choosing,
among the few hundred scales that suit, the one whose levels happen to meet the weights that count. The row `q8_0` above says
how near the optimum over all stored scales that is.

## All errors

TEXT
  section TABLE
} > results/gguf_encoders.md
echo "wrote results/gguf_encoders.md"
