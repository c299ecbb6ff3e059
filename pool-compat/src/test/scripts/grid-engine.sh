#!/bin/sh
# A Grid Engine of one node, for tests:
#   grid-engine.sh install | start | stop | stop-controller | start-controller
# As root, on Debian or Ubuntu. It takes no jobs of root. One that runs already is left alone, and
# taken as it is.
set -eu
SGE_ROOT=/var/lib/gridengine SGE_CELL=default
export SGE_ROOT SGE_CELL
mark=/tmp/mpipool-grid-engine

wait_for() { # seconds, command
  left=$(($1 * 5))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ $left -gt 0 ] || { echo "gave up waiting for: $*" >&2; return 1; }
    sleep 0.2
  done
}

master() { runuser -u sgeadmin -- env SGE_ROOT=$SGE_ROOT SGE_CELL=$SGE_CELL /usr/sbin/sge_qmaster; }
gone() { ! pgrep -x "$1"; }
host_is_up() { qhost | grep -Eq '^localhost +lx-[a-z0-9]+ +[0-9]+ .* [0-9.]+ '; }

# A queue with four slots; what is not said here, Grid Engine's own template says.
add_queue() {
  qconf -sql 2>/dev/null | grep -qx all.q && return 0
  file=$(mktemp)
  qconf -sq >"$file" 2>/dev/null || true # the template
  sed -i -e 's/^qname .*/qname all.q/' -e 's/^hostlist .*/hostlist localhost/' -e 's/^slots .*/slots 4/' \
    -e 's/^pe_list .*/pe_list NONE/' -e 's/^load_thresholds .*/load_thresholds NONE/' -e 's/^shell_start_mode .*/shell_start_mode unix_behavior/' "$file"
  qconf -Aq "$file"
  rm "$file"
}

# A parallel environment named mpipool, whose jobs may have several slots.
add_parallel_environment() {
  qconf -spl 2>/dev/null | grep -qx mpipool || {
    file=$(mktemp)
    cat >"$file" <<CONF
pe_name mpipool
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule \$fill_up
control_slaves TRUE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
CONF
    qconf -Ap "$file"
    rm "$file"
  }
  qconf -sq all.q | grep -q '^pe_list .*mpipool' || qconf -aattr queue pe_list mpipool all.q
}

# The scheduler looks at its jobs every second, instead of every quarter of a minute.
hurry() {
  file=$(mktemp)
  qconf -ssconf | sed -e 's/^schedule_interval .*/schedule_interval 0:0:1/' \
    -e 's/^flush_\(submit\|finish\)_sec .*/flush_\1_sec 1/' >"$file"
  qconf -Msconf "$file"
  rm "$file"
}

case ${1-} in
  install)
    command -v sge_qmaster >/dev/null && command -v sge_execd >/dev/null && exit 0
    apt-get update -qq
    printf 'gridengine-master shared/%s\n' 'gridenginemaster string localhost' \
      'gridenginecell string default' 'gridengineconfig boolean true' | debconf-set-selections
    DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq gridengine-master gridengine-exec gridengine-client >/dev/null
    ;;
  start)
    if pgrep -x sge_execd >/dev/null && pgrep -x sge_qmaster >/dev/null && host_is_up; then
      exit 0
    fi
    : >$mark
    echo "localhost $(hostname)" >$SGE_ROOT/$SGE_CELL/common/host_aliases
    echo localhost >$SGE_ROOT/$SGE_CELL/common/act_qmaster
    cd /
    pgrep -x sge_qmaster >/dev/null || master
    wait_for 30 qconf -sh
    qconf -ah localhost >/dev/null 2>&1 || true
    qconf -as localhost >/dev/null 2>&1 || true
    add_queue >/dev/null
    add_parallel_environment >/dev/null
    hurry >/dev/null
    pgrep -x sge_execd >/dev/null || sge_execd
    wait_for 40 host_is_up
    ;;
  stop-controller)
    pkill -x sge_qmaster
    wait_for 30 gone sge_qmaster
    ;;
  start-controller)
    cd /
    master
    wait_for 30 qconf -sh
    ;;
  stop)
    [ -e $mark ] || exit 0
    for name in sge_execd sge_qmaster; do
      pkill -x $name || continue
      wait_for 30 gone $name
    done
    rm -f $mark
    ;;
  *) echo "grid-engine.sh install | start | stop | stop-controller | start-controller" >&2; exit 2 ;;
esac
