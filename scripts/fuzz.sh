#!/usr/bin/env bash
# Builds the fuzz programs and runs each for some seconds from the files of the repository; stops at the first finding, whose
# input is left in build/fuzz/findings/. Safe to run again: what a run has learned is kept in build/fuzz/corpus/.
# Usage: scripts/fuzz.sh [SECONDS] [NAME ...]      default: 60 seconds, every program; names as in `gguf config safetensors`
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
shift || true
scripts/setup.sh --checks
cmake --preset fuzz --log-level=WARNING
cmake --build --preset fuzz

declare -A seeds=(
  [gguf]="testdata/gguf/container"
  [safetensors]="testdata/safetensors"
  [imatrix]="testdata/imatrix"
  [config]="configs configs/ci configs/sweeps configs/presets"
  [tokenizer_json]="testdata/tokenizers/gpt2 testdata/tokenizers/llama3 testdata/tokenizers/gemma testdata/tokenizers/opt"
  [sentencepiece_model]="testdata/tokenizers/model_bpe_rules testdata/tokenizers/model_unigram_bytes"
  [gates]="configs/ci"
)

mapfile -t programs < <(find build/fuzz -name '*_fuzz' -type f -executable | sort)
for program in "${programs[@]}"; do
  name="$(basename "$program" _fuzz)"
  if (( $# > 0 )) && [[ ! " $* " == *" $name "* ]]; then continue; fi
  mkdir -p "build/fuzz/corpus/$name" build/fuzz/findings
  echo "fuzz: $name for $seconds s"
  # shellcheck disable=SC2086  # several folders of seeds
  "$program" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=10 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix=build/fuzz/findings/ "build/fuzz/corpus/$name" ${seeds[$name]:-}
done
echo "fuzz: no findings"
