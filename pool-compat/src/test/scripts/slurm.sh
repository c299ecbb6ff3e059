#!/bin/sh
# A Slurm on this host, for tests: slurm.sh install | start [NODES] | stop | stop-controller | start-controller
# It has one node with the name of this host. With NODES it has so many instead, named n1, n2 and so on: each is a
# slurmd of its own port (slurmd -N, Debian's can do it), and processes on a node know it by SLURMD_NODENAME.
# As root, on Debian or Ubuntu. The configuration is in a folder of its own, /tmp/mpipool-slurm, and
# not in /etc/slurm: SLURM_CONF has to say so to whoever calls sbatch (slurm.sh prints it on start).
# A Slurm that runs already is left alone, and taken as it is.
set -eu
base=/tmp/mpipool-slurm

wait_for() { # seconds, command
  left=$(($1 * 5))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ $left -gt 0 ] || { echo "gave up waiting for: $*" >&2; return 1; }
    sleep 0.2
  done
}

# A line of the configuration for each node.
nodes() {
  port=17001
  for name in $names; do
    echo "NodeName=$name NodeHostname=$host NodeAddr=127.0.0.1 Port=$port CPUs=$(nproc) RealMemory=1000 State=UNKNOWN"
    port=$((port + 1))
  done
}

nodes_are_up() { for name in $names; do sinfo --noheader --nodes="$name" --format=%t | grep -Eq '^(idle|mix|alloc)$' || return 1; done; }
node_is_up() { sinfo --noheader --format=%t | grep -Eq '^(idle|mix|alloc)'; }
gone() { ! pgrep -x "$1"; }

own() { [ -e "$base/started" ]; }
if own || ! pgrep -x slurmctld >/dev/null 2>&1; then
  SLURM_CONF=$base/slurm.conf
  export SLURM_CONF
fi

case ${1-} in
  install)
    # Slurm's plugin for srun --mpi=pmix needs a library that is in libpmix-dev.
    command -v slurmctld >/dev/null && command -v munged >/dev/null \
      && ls /usr/lib/*/libpmix.so >/dev/null 2>&1 && exit 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge libpmix-dev >/dev/null
    ;;
  start)
    if pgrep -x slurmctld >/dev/null; then
      echo "SLURM_CONF=${SLURM_CONF:-}"
      exit 0
    fi
    mkdir -p $base/state /run/munge /var/log/munge
    chmod 755 $base
    chown munge: /run/munge /var/log/munge
    chmod 755 /run/munge
    if ! munge --no-input >/dev/null 2>&1; then
      runuser -u munge -- /usr/sbin/munged --force
      : >$base/munged-started
    fi
    host=$(hostname -s)
    names=$host
    [ -z "${2-}" ] || names=$(seq -f n%g "$2")
    cat >$SLURM_CONF <<CONF
ClusterName=mpipool
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/spool.%n
SlurmctldPidFile=$base/slurmctld.pid
SlurmdPidFile=$base/slurmd.%n.pid
SlurmctldLogFile=$base/slurmctld.log
SlurmdLogFile=$base/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
$(nodes)
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
    : >$base/started
    slurmctld
    for name in $names; do slurmd -N "$name"; done
    wait_for 30 nodes_are_up || { tail $base/*.log >&2; exit 1; }
    echo "SLURM_CONF=$SLURM_CONF"
    ;;
  stop-controller)
    pkill -x slurmctld
    wait_for 30 gone slurmctld
    ;;
  start-controller)
    slurmctld
    wait_for 30 node_is_up
    ;;
  stop)
    own || exit 0
    names='slurmd slurmctld'
    [ ! -e $base/munged-started ] || names="$names munged"
    for name in $names; do
      pkill -x $name || continue
      wait_for 30 gone $name
    done
    rm -rf $base
    ;;
  *) echo "slurm.sh install | start [NODES] | stop | stop-controller | start-controller" >&2; exit 2 ;;
esac
