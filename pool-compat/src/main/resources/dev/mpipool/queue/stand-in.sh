#!/bin/sh
# A batch queue in a folder, for tests: qsub, qstat, qdel and sbatch, squeue, scancel, as far as a
# pool uses them. Which of them this is tells the name by which it was called, that of a link in a
# folder bin; the queue is beside it. Nothing runs in the background but the jobs: each call first
# sees which of them have ended, and starts those whose turn it is.
#
#   queue/jobs/N/job    id, name, array index or -, stdout, stderr, script, arguments: a line each
#   queue/jobs/N/state  pending, running or error
#   queue/jobs/N/pid    the process of a running job;  ended: it has ended
#   queue/slots         how many jobs run at a time
#   queue/down          while it is there, every command fails
#   queue/fail-next     one line, a number: that many more submissions go into the error state

home=$(cd "$(dirname "$0")/.." && pwd)
me=$(basename "$0")
queue=$home/queue
newline='
'

fail() {
  printf '%s: error: %s\n' "$me" "$1" >&2
  exit 1
}

[ -e "$queue/down" ] && fail 'unable to contact the stand-in queue: it is down'

# One command at a time; a lock that a killed command left is broken after ten seconds.
tries=0
until mkdir "$queue/lock" 2>/dev/null; do
  tries=$((tries + 1))
  if [ $tries -gt 200 ]; then
    rmdir "$queue/lock" 2>/dev/null
    tries=0
  fi
  sleep 0.05
done
trap 'rmdir "$queue/lock" 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM

read_job() {
  { read -r id; read -r name; read -r index; read -r out; read -r err; read -r script; read -r args; } <"$1/job"
  read -r state <"$1/state"
}

# A job runs in a shell that waits for it and notes its end, so that no dead process is taken for a living one.
start() {
  printf 'running\n' >"$1/state"
  (
    trap - EXIT
    SLURM_ARRAY_TASK_ID=$index
    [ "$index" = - ] && unset SLURM_ARRAY_TASK_ID || export SLURM_ARRAY_TASK_ID
    /bin/sh "$script" $args >>"$out" 2>>"$err" </dev/null &
    echo $! >"$1/pid"
    wait $!
    : >"$1/ended"
  ) >/dev/null 2>&1 </dev/null &
}

# Orders by number, which is the order of submission.
jobs_in_order() {
  ls "$queue/jobs" | sort -n
}

tick() {
  read -r slots <"$queue/slots"
  running=0
  for number in $(jobs_in_order); do
    job=$queue/jobs/$number
    read -r state <"$job/state"
    if [ "$state" = running ]; then
      if [ -e "$job/ended" ]; then rm -rf "$job"; else running=$((running + 1)); fi
    fi
  done
  for number in $(jobs_in_order); do
    [ $running -lt "$slots" ] || return 0
    job=$queue/jobs/$number
    read -r state <"$job/state"
    [ "$state" = pending ] || continue
    read_job "$job"
    if (: >>"$out" && : >>"$err") 2>/dev/null; then
      start "$job"
      running=$((running + 1))
    elif [ -e "$queue/slurm" ]; then
      rm -rf "$job" # Slurm lets such a job fail at once
    else
      printf 'error\n' >"$job/state"
    fi
  done
}

# add ID NAME INDEX OUT ERR SCRIPT ARGS
add() {
  read -r last <"$queue/last"
  last=$((last + 1))
  echo $last >"$queue/last"
  mkdir "$queue/jobs/$last"
  id=$1
  [ "$id" = next ] && id=$last
  printf '%s\n' "$id" "$2" "$3" "$4" "$5" "$6" "$7" >"$queue/jobs/$last/job"
  state=pending
  if [ -s "$queue/fail-next" ]; then
    read -r failing <"$queue/fail-next"
    if [ "$failing" -gt 0 ]; then
      state=error
      echo $((failing - 1)) >"$queue/fail-next"
    fi
  fi
  echo $state >"$queue/jobs/$last/state"
}

delete() {
  found=1
  for number in $(jobs_in_order); do
    job=$queue/jobs/$number
    read_job "$job"
    case $id in
      "$1" | "$1"_*)
        found=0
        if [ "$state" = running ] && [ ! -e "$job/ended" ]; then
          pid=
          while [ -z "$pid" ]; do read -r pid 2>/dev/null <"$job/pid" || sleep 0.02; done
          kill "$pid" 2>/dev/null
        fi
        rm -rf "$job"
        ;;
    esac
  done
  return $found
}

case $me in
  qsub)
    name= out=/dev/null err=/dev/null
    while [ $# -gt 0 ]; do
      case $1 in
        -N) name=$2; shift 2 ;;
        -o) out=$2; shift 2 ;;
        -e) err=$2; shift 2 ;;
        -C | -S | -q | -l) shift 2 ;;
        -pe) shift 3 ;;
        -terse) shift ;;
        -*) fail "unknown option $1" ;;
        *) break ;;
      esac
    done
    [ -r "${1-}" ] || fail "cannot read the script ${1-}"
    script=$1
    shift
    add next "$name" - "$out" "$err" "$script" "$*"
    tick
    echo "$last"
    ;;
  sbatch)
    : >"$queue/slurm"
    name= out=/dev/null err=/dev/null array=
    while [ $# -gt 0 ]; do
      case $1 in
        --job-name=*) name=${1#*=} ;;
        --output=*) out=${1#*=} ;;
        --error=*) err=${1#*=} ;;
        --array=*) array=${1#*=} ;;
        --parsable | --open-mode=* | --partition=* | --mem=* | --time=* | --cpus-per-task=*) ;;
        -*) fail "unknown option $1" ;;
        *) break ;;
      esac
      shift
    done
    [ -r "${1-}" ] || fail "cannot read the script ${1-}"
    script=$1
    shift
    if [ -z "$array" ]; then
      add next "$name" - "$out" "$err" "$script" "$*"
      first=$last
    else
      read -r first <"$queue/last"
      first=$((first + 1))
      for range in $(echo "${array%\%*}" | tr , ' '); do
        i=${range%-*}
        while [ "$i" -le "${range#*-}" ]; do
          padded=$(printf '%03d' "$i")
          add "${first}_$i" "$name" "$i" "${out%\%3a*}$padded${out##*%3a}" \
            "${err%\%3a*}$padded${err##*%3a}" "$script" "$*"
          i=$((i + 1))
        done
      done
    fi
    tick
    echo "$first"
    ;;
  qstat)
    tick
    active= waiting=
    for number in $(jobs_in_order); do
      read_job "$queue/jobs/$number"
      case $state in running) kind=running code=r ;; error) kind=pending code=Eqw ;; *) kind=pending code=qw ;; esac
      entry="<job_list state=\"$kind\"><JB_job_number>$id</JB_job_number><JB_name>$name</JB_name><state>$code</state></job_list>"
      if [ $kind = running ]; then active=$active$newline$entry; else waiting=$waiting$newline$entry; fi
    done
    printf '%s\n' "<?xml version='1.0'?>" '<job_info>' "<queue_info>$active" '</queue_info>' \
      "<job_info>$waiting" '</job_info>' '</job_info>'
    ;;
  squeue)
    tick
    for number in $(jobs_in_order); do
      read_job "$queue/jobs/$number"
      [ "$index" = - ] && index=N/A
      case $state in
        running) echo "$id|$name|$index|RUNNING|None" ;;
        error) echo "$id|$name|$index|PENDING|launch failed requeued held" ;;
        *) echo "$id|$name|$index|PENDING|Priority" ;;
      esac
    done
    ;;
  qdel | scancel)
    code=0
    for wanted in "$@"; do
      delete "$wanted" || { code=1; printf '%s: error: job %s does not exist. Invalid job id\n' "$me" "$wanted" >&2; }
    done
    tick
    exit $code
    ;;
  *) fail "this is qsub, qstat, qdel, sbatch, squeue or scancel, by the name of the link" ;;
esac
