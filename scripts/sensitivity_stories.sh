#!/bin/sh
# Sensitivities of the embedded model, the allocations that configs/sensitivity.yaml includes, and its report.
#   scripts/sensitivity_stories.sh [PROGRAM]      run in the root of the repository; results/sensitivity/ is written
set -eu
program=${1:-build/release/eval/quantbench}
figures=results/sensitivity/sensitivity.json
mkdir -p results/sensitivity configs/sensitivity

"$program" sensitivity embedded:stories --text embedded:stories/calibration --chunks 40 --kld-chunks 8 --method q3_k \
  --formats q2_k,iq2_s,iq3_xxs,q3_k,iq3_s,iq4_xs,q4_k,q5_k,q6_k --probe q3_k --out "$figures"

# allocate NAME BITS [OPTION...]
allocate() {
  name=$1 bits=$2
  shift 2
  "$program" allocate "$figures" --budget "$bits" --name "$name" --rules-out "configs/sensitivity/$name.yaml" "$@"
}
for bits in 2.75 3.00 3.25 3.4375 3.50 3.75 4.00 4.25 4.50 5.00; do
  allocate "bpw_$(echo $bits | tr . _)" "$bits"
done
for bits in 3.50 4.00; do
  allocate "k_bpw_$(echo $bits | tr . _)" "$bits" --formats q2_k,q3_k,q4_k,q5_k,q6_k
  allocate "estimated_bpw_$(echo $bits | tr . _)" "$bits" --estimated
done

"$program" run configs/sensitivity.yaml --out results/store/sensitivity
cp results/store/sensitivity/report.json results/store/sensitivity/report.csv results/store/sensitivity/report.md \
  results/sensitivity/
"$program" report results/sensitivity/report.json --out results/sensitivity --format svg
