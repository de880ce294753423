#!/usr/bin/env bash
# A sweep through a real Slurm of one node (scripts/slurm_single_node.sh), two tasks at a time, against `quantbench run`: the reports
# must be equal bit by bit but for timings. Then the same sweep while its tasks are killed, requeued, cancelled and run twice.
# Usage: scripts/test_slurm.sh [--quick]     40 cells; --quick: 12. Needs build/release and, once, Slurm's packages:
#        scripts/slurm_single_node.sh install
set -euo pipefail
cd "$(dirname "$0")/.."

quantbench=${QUANTBENCH:-$PWD/build/release/eval/quantbench}
config=configs/sweeps/forty_cells.yaml
settings=() tasks=8
if [[ "${1:-}" == "--quick" ]]; then
  settings=(--set "methods=[f32, f16, absmax:int8:g32, absmax:int4:g32, zero_point:int4:g64, zero_point:int3:g64, rtn:q8_0, rtn:q4_0, q4_k, q3_k, gptq:int4:g128, gptq:int3:g128]"
    --set dataset.chunks=2 --set calibration.chunks=4)
  tasks=4
fi
folder=$(mktemp -d)
export QUANTBENCH_SLURM_FOLDER=$folder/slurm
eval "$(scripts/slurm_single_node.sh env)"
finish() {
  scripts/slurm_single_node.sh stop || true
  rm -rf "$folder"
}
trap finish EXIT

say() { echo "test_slurm: $*"; }
die() {
  say "FAILED: $*" >&2
  tail -n 5 "$folder"/*/submit/*.log >&2 2> /dev/null || true
  exit 1
}
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

# The report without what differs from run to run (without_timings of eval/report.h), as text.
comparable() {
  python3 - "$1" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
report["environment"]["threads"] = 1
report["kernels"] = []
for cell in report["cells"]:
    cell["seconds"] = 0
print(json.dumps(report, indent=1))
PYTHON
}

check_equal() {  # folder of a sweep
  comparable "$folder/run/report.json" > "$folder/expected"
  comparable "$folder/$1/report.json" > "$folder/found"
  diff "$folder/expected" "$folder/found" > "$folder/difference" || die "$1: the report differs: $(head -n 20 "$folder/difference")"
  local kind
  for kind in nll kld; do
    diff -rq "$folder/run/$kind" "$folder/$1/$kind" > /dev/null || die "$1: files of tokens differ in $kind/"
  done
  say "$1: report equal to that of run but for timings ($(wc -c < "$folder/found") bytes), $(find "$folder/$1"/nll "$folder/$1"/kld -type f | wc -l) files of tokens equal"
}

submit() { "$quantbench" submit "$config" "${settings[@]}" --engine slurm --tasks "$tasks" --at-once 2 --threads 1 --out "$folder/$1" -- --no-kill; }
jobs_of() { python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))["jobs"])' "$folder/$1/submit/sweep.json"; }
wait_for_jobs() {
  local jobs
  jobs=$(jobs_of "$1" | tr ' ' ,)
  for ((second = 0; second < 3600; ++second)); do
    [[ -n "$(squeue --noheader --jobs="$jobs" 2> /dev/null)" ]] || return 0
    sleep 0.5
  done
  die "$1: jobs $jobs do not end: $(squeue)"
}
# "PID JOB" of the processes that hold claims of cells.
workers() {
  "$quantbench" status "$folder/$1" --json | python3 -c '
import json, sys
for cell in json.load(sys.stdin)["cells"]:
    if cell["state"] == "running": print(cell["holder"]["pid"], cell["holder"]["job"].split()[-1])'
}
wait_for_worker() {  # sweep; prints "PID JOB" of a running array task; fails when the array is over
  local found
  for ((i = 0; i < 300; ++i)); do
    found=$(workers "$1" | grep _ | head -n 1) || true
    [[ -z "$found" ]] || { echo "$found"; return; }
    [[ -n "$(squeue --noheader --states=RUNNING,PENDING --format=%K --jobs="$(jobs_of "$1" | tr ' ' ,)" 2> /dev/null | grep '[0-9]')" ]] || return 1
    sleep 0.1
  done
  return 1
}

scripts/slurm_single_node.sh start > /dev/null
"$quantbench" submit "$config" "${settings[@]}" --engine slurm --tasks "$tasks" --at-once 2 --threads 1 --out "$folder/none" --dry-run |
  tee "$folder/dry" | grep "cells in"
grep -q -- "--dependency=afterany:TASKS" "$folder/dry" || die "the dry run does not show the dependency"
[[ ! -e $folder/none ]] || die "the dry run wrote $folder/none"

begin=$(date +%s.%N)
"$quantbench" run "$config" "${settings[@]}" --threads 1 --out "$folder/run" > /dev/null 2>&1
say "run: $(find "$folder/run/cells" -name '*.json' | wc -l) cells in $(seconds_since "$begin") s"

# 1. Nothing happens to it.
begin=$(date +%s.%N)
submit quiet > "$folder/submitted"
again=$(submit quiet 2>&1) && die "a second submit of a queued sweep was accepted"
grep -q "submitted already" <<< "$again" || die "a second submit does not say that the first is queued: $again"
wait_for_jobs quiet
[[ -s $folder/quiet/report.json ]] || die "there is no report"
say "slurm: $(grep -o -m 1 'cells in [0-9]* tasks' "$folder/submitted" | tail -n 1), two at a time, report after $(seconds_since "$begin") s"
check_equal quiet

# 2. Tasks are killed, requeued, cancelled and run beside themselves.
submit rough > /dev/null
killed=0 requeued=0 cancelled=0
for ((round = 0; round < 3; ++round)); do
  read -r pid _ < <(wait_for_worker rough) || break
  kill -KILL "$pid" 2> /dev/null && killed=$((killed + 1))
done
if read -r _ job < <(wait_for_worker rough); then scontrol requeue "$job" && requeued=1; fi
if read -r pid job < <(wait_for_worker rough); then
  shard=${job#*_}
  "$quantbench" run "$config" "${settings[@]}" --shard "$shard/$tasks" --threads 1 --out "$folder/rough" > "$folder/twin" 2>&1 ||
    die "a shard beside itself: $(cat "$folder/twin")"
fi
if read -r _ job < <(wait_for_worker rough); then scancel "$job" && cancelled=1; fi
wait_for_jobs rough
unfinished=$("$quantbench" status "$folder/rough" | tee "$folder/status" | head -n 1) || true
say "rough: $killed tasks killed, $requeued requeued, $cancelled cancelled, one shard run beside itself; then $unfinished"
((killed > 0 && requeued > 0)) || die "the sweep was over before anything could be done to it"
grep -q " 0 running" "$folder/status" || die "a dead task counts as running: $(cat "$folder/status")"
submits=1
while ! "$quantbench" status "$folder/rough" > /dev/null; do
  ((++submits <= 5)) || die "rough: cells are missing after $submits submits: $(cat "$folder/status")"
  submit rough > /dev/null
  wait_for_jobs rough
done
[[ -s $folder/rough/report.json ]] || submit rough > /dev/null
check_equal rough
say "rough: whole after $submits submits"

# 3. A shard of the finished sweep once more changes nothing.
before=$(sha256sum "$folder/rough/report.json")
"$quantbench" run "$config" "${settings[@]}" --shard "1/$tasks" --threads 1 --out "$folder/rough" > "$folder/twin" 2>&1
grep -q "^0 computed" "$folder/twin" || die "a finished shard was computed again: $(cat "$folder/twin")"
[[ "$before" == "$(sha256sum "$folder/rough/report.json")" ]] || die "a shard changed the report"
left=$(find "$folder/rough" -name '*.partial-*' -o -path '*/claims/*' -o -path '*/processes/*' | wc -l)
((left == 0)) || die "left behind: $(find "$folder/rough" -name '*.partial-*' -o -path '*/claims/*' -o -path '*/processes/*')"
say "rough: a shard once more computed nothing and left the report as it was; no claim, no unfinished file left"

# 4. The same plan with processes.
begin=$(date +%s.%N)
"$quantbench" submit "$config" "${settings[@]}" --engine local --tasks "$tasks" --at-once 2 --threads 1 --out "$folder/local" > /dev/null 2>&1
say "local: two processes at a time, report after $(seconds_since "$begin") s"
check_equal local
say "passed"
