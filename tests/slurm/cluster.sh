#!/usr/bin/env bash
# A real Slurm on this one machine, with made-up GPUs, for the tests:
#   cluster.sh start FOLDER   (state, logs and configuration go to FOLDER)
#   cluster.sh stop FOLDER
# Needs root and Debian's packages slurm-wlm and munge. The configuration must be found at
# /run/slurm/conf: Snakemake's Slurm plugin strips SLURM_CONF from the environment of its job steps.
set -euo pipefail

command=$1
folder=$2
host=$(hostname -s)
cpus=8
gpus=2
conf=$folder/etc/slurm.conf

start() {
  if [ -e /etc/slurm/slurm.conf ] || [ -e /run/slurm/conf ]; then
    echo "this machine has a Slurm already; its configuration is left alone" >&2
    exit 1
  fi
  mkdir -p "$folder"/{etc,log,run,state,spool,dev}
  start_munge
  write_configuration
  mkdir -p /run/slurm
  ln -sfn "$folder/etc" /run/slurm/conf
  slurmctld -f "$conf" -c
  slurmd -f "$conf" -N "$host" -c
  for _ in $(seq 60); do
    [ "$(sinfo --noheader --format=%T --partition=cpu 2>/dev/null)" = idle ] && exit 0
    sleep 0.5
  done
  echo "slurm did not become idle" >&2
  sinfo --list-reasons >&2
  tail --lines=20 "$folder"/log/slurmctld.log "$folder"/log/slurmd.log >&2
  exit 1
}

start_munge() {
  if [ ! -s /etc/munge/munge.key ]; then
    dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=128 status=none
    chown munge:munge /etc/munge/munge.key
    chmod 400 /etc/munge/munge.key
  fi
  install -d -o munge -g munge -m 0755 /run/munge
  if ! munge --no-input >/dev/null 2>&1; then
    setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged
    touch "$folder/run/munge_is_ours"
  fi
  munge --no-input | unmunge >/dev/null
}

write_configuration() {
  # No accounting daemon and no control groups: memory is asked for and not enforced. `squeue`
  # must know finished jobs for a while (MinJobAge), for Snakemake asks it for their states.
  cat >"$conf" <<CONF
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
PlugStackConfig=$folder/etc/plugstack.conf
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=100000,batch_sched_delay=0
ReturnToService=2
SlurmctldTimeout=60
SlurmdTimeout=60
KillWait=5
MinJobAge=3600
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=256000 Gres=gpu:a100:$gpus State=UNKNOWN
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$host Default=NO MaxTime=2-00:00:00 State=UP
CONF
  : >"$folder/etc/plugstack.conf"
  echo "CgroupPlugin=autodetect" >"$folder/etc/cgroup.conf"
  echo "AutoDetect=off" >"$folder/etc/gres.conf"
  # Slurm wants a device for each GPU: these are other names of /dev/null.
  for ((gpu = 0; gpu < gpus; gpu++)); do
    mknod "$folder/dev/gpu$gpu" c 1 3
    echo "Name=gpu Type=a100 File=$folder/dev/gpu$gpu" >>"$folder/etc/gres.conf"
  done
}

stop() {
  scancel --user=root || true
  for _ in $(seq 40); do
    [ -n "$(squeue --noheader 2>/dev/null)" ] || break
    sleep 0.5
  done
  for daemon in slurmd slurmctld; do
    stop_by_pid_file "$folder/run/$daemon.pid"
  done
  if [ -e "$folder/run/munge_is_ours" ]; then stop_by_pid_file /run/munge/munged.pid; fi
  rm -f /run/slurm/conf
}

stop_by_pid_file() {
  [ -e "$1" ] || return 0
  kill "$(cat "$1")" || true
  # A daemon removes its file when it is gone; where nobody reaps it, its process id stays.
  for _ in $(seq 40); do
    [ -e "$1" ] || return 0
    sleep 0.25
  done
  echo "$1: still there" >&2
}

case "$command" in
  start) start ;;
  stop) stop ;;
  *)
    echo "usage: cluster.sh start|stop FOLDER" >&2
    exit 2
    ;;
esac
