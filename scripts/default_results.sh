#!/usr/bin/env bash
# Runs configs/default.yaml anew and writes all that is committed of it: results/default (report, tables, page, charts), the roofline
# of results/kernels.json, and the pictures of docs/report.md. For an otherwise idle machine: speeds are measured, too.
# Usage: scripts/default_results.sh [QUANTBENCH]      needs chromium chromium-driver python3-selenium poppler-utils
set -euo pipefail
cd "$(dirname "$0")/.."
quantbench=${1:-build/release/eval/quantbench}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$quantbench" run configs/default.yaml --fresh --threads "$(nproc)" --out "$folder/run"
cp "$folder/run/report.json" results/default/report.json
"$quantbench" report results/default/report.json --out results/default --format html,md,csv
"$quantbench" report results/default/report.json --out "$folder/charts" --format svg > /dev/null
cp "$folder"/charts/{perplexity,mean_kld,relative_rmse}.svg results/default/
"$quantbench" report results/kernels.json --out "$folder/kernels" --format svg > /dev/null
cp "$folder/kernels/roofline.svg" results/kernels.svg
scripts/check_report_page.py results/default/report.html --pictures docs/pictures
