#!/usr/bin/env bash
# A real Slurm of one node on this machine, from Debian's packages, for tests and for trying sweeps out. Debian 12, as root
# (a container is enough: no systemd, no cgroups). Everything it writes lies in one folder.
# Usage: scripts/slurm_single_node.sh install     installs slurmctld, slurmd, munge and the client programs
#        scripts/slurm_single_node.sh start       starts it and waits until the node takes jobs
#        scripts/slurm_single_node.sh status      what sinfo and squeue say; exit code 1 when it does not answer
#        scripts/slurm_single_node.sh stop        cancels its jobs, ends its three daemons
#        eval "$(scripts/slurm_single_node.sh env)"     lets sbatch and squeue of this shell find it (SLURM_CONF)
# The folder is QUANTBENCH_SLURM_FOLDER (default /tmp/quantbench-slurm); delete it after `stop` to forget its jobs.
set -euo pipefail

folder=${QUANTBENCH_SLURM_FOLDER:-/tmp/quantbench-slurm}
controller_port=16817 node_port=16818
export SLURM_CONF=$folder/slurm.conf

is_installed() {
  local program
  for program in slurmctld slurmd sbatch munged; do command -v "$program" > /dev/null || return 1; done
}

install_packages() {
  if ((EUID != 0)); then
    echo "slurm_single_node.sh: must be root" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  if is_installed; then return; fi
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge > /dev/null
}

write_config() {
  mkdir -p "$folder"/{munge,state,spool,log}
  chmod 700 "$folder/munge" "$folder/state"
  [[ -s $folder/munge/key ]] || (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
  local memory
  memory=$(awk '/^MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
  cat > "$SLURM_CONF" <<CONF
ClusterName=quantbench
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
ReturnToService=2
KillWait=10
MinJobAge=300
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=local Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
}

# The process of a PID file, if it still is the program that wrote it.
running() {  # name of the program, PID file
  local pid
  pid=$(cat "$2" 2> /dev/null) && [[ "$(cat "/proc/$pid/comm" 2> /dev/null)" == "$1" ]] && echo "$pid"
}

start_munge() {
  running munged "$folder/munge/pid" > /dev/null && return
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed" 2>> "$folder/log/munged.log"
}

wait_for_node() {
  local second
  for ((second = 0; second < 30; ++second)); do
    [[ "$(sinfo --noheader --format=%T 2> /dev/null)" =~ ^(idle|mixed|allocated)$ ]] && return
    sleep 1
  done
  echo "slurm_single_node.sh: the node takes no jobs after 30 s; see $folder/log:" >&2
  tail -n 5 "$folder"/log/*.log >&2
  return 1
}

start() {
  if ! is_installed; then
    echo "slurm_single_node.sh: Slurm is not installed: scripts/slurm_single_node.sh install" >&2
    return 2
  fi
  write_config
  start_munge
  running slurmctld "$folder/slurmctld.pid" > /dev/null || slurmctld -f "$SLURM_CONF"
  running slurmd "$folder/slurmd.pid" > /dev/null || slurmd -f "$SLURM_CONF"
  wait_for_node
  sinfo
}

end_program() {  # name of the program, PID file
  local pid
  pid=$(running "$1" "$2") || return 0
  kill "$pid"
  for _ in {1..100}; do
    [[ -e /proc/$pid ]] || return 0
    sleep 0.1
  done
  kill -KILL "$pid"
}

stop() {
  scancel --user=root 2> /dev/null || true
  end_program slurmd "$folder/slurmd.pid"
  end_program slurmctld "$folder/slurmctld.pid"
  end_program munged "$folder/munge/pid"
}

case "${1:-}" in
  install) install_packages ;;
  start) start ;;
  stop) stop ;;
  status) sinfo && squeue ;;
  env) echo "export SLURM_CONF='$SLURM_CONF'" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
