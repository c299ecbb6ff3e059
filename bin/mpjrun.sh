#!/usr/bin/env bash
# Runs a Java program on MPI ranks: bin/mpjrun.sh -np 4 Example (-h prints all options).
# In a clone, builds what is missing or out of date first; MPIPOOL_NO_BUILD=1 takes what is there. In an unpacked archive
# (mpipool-VERSION-bin.tar.gz) all jars are in lib/, and nothing is built.

# Starts over as bash -p, in which BASH_ENV, CDPATH, SHELLOPTS, exported functions and the like have no effect.
case $- in *p*) ;; *) exec env -u SHELLOPTS -u BASHOPTS bash -p -- "$0" "$@" ;; esac
set -euo pipefail
trap '' USR1 # the announcement of a time limit, which the launcher passes on, must not be the end before it can

script=${BASH_SOURCE[0]}
while [ -L "$script" ]; do
  folder=$(cd -P -- "$(dirname -- "$script")" && pwd)
  script=$(readlink -- "$script")
  case $script in /*) ;; *) script=$folder/$script ;; esac
done
home=$(cd -P -- "$(dirname -- "$script")/.." && pwd)
. "$home/bin/common.sh"
case $home in *:*)
  echo "mpjrun.sh: no class path can hold the colon in $home; move this folder to another place" >&2
  exit 1
  ;;
esac
built=$home/launcher/target/built
unpacked=
[ ! -f "$home/lib/mpipool-core.jar" ] || unpacked=yes

up_to_date() {
  [ -f "$built" ] &&
    [ -z "$(find "$home/pom.xml" "$home"/{core,mpj,native,pool-compat,agent,examples,launcher}/pom.xml \
      "$home"/{core,mpj,native,pool-compat,agent,examples,launcher}/src/main -newer "$built" -print -quit 2>/dev/null)" ]
}

build() {
  up_to_date && return # another run was quicker
  [ -f "$built" ] || echo "mpjrun.sh: building for the first time; this takes some minutes" >&2
  if ! (cd "$home" && mvn -q -B -Dstyle.color=never -Dmaven.test.skip=true -pl launcher -am package) >&2; then
    echo "mpjrun.sh: the build failed; try: cd '$home' && mvn package -DskipTests" >&2
    exit 1
  fi
}

find_java

if [ -n "$unpacked" ]; then
  : # nothing to build
elif [ -z "${MPIPOOL_NO_BUILD:-}" ] && [ -f "$built" ] && [ ! -w "$home/launcher/target" ] && ! up_to_date; then
  echo "mpjrun.sh: $home is read-only and its sources are newer than what is built there, which runs all the same" >&2
elif [ -z "${MPIPOOL_NO_BUILD:-}" ] && ! up_to_date; then
  if ! command -v mvn >/dev/null; then
    echo "mpjrun.sh: Maven is needed to build; install it (apt-get install maven) and try again" >&2
    exit 1
  fi
  mkdir -p "$home/.mpj"
  if command -v flock >/dev/null; then
    exec 9>"$home/.mpj/build.lock"
    flock 9
    build
    exec 9>&-
  else
    build
  fi
fi
if [ -z "$unpacked" ] && [ ! -f "$built" ]; then
  echo "mpjrun.sh: nothing is built yet; unset MPIPOOL_NO_BUILD or run: mvn package -DskipTests" >&2
  exit 1
fi

if [ -n "$unpacked" ]; then
  mpj=$home/lib/mpj-express
  jars=("$home/lib/launcher/mpipool-launcher.jar")
  path=${jars[0]}:$home/lib/mpipool-core.jar
  others=("$home"/lib/*.jar "$home"/lib/launcher/*.jar "$home"/examples/*.jar)
  cache=$home/lib/archives
else
  mpj=$(bash -p -- "$home/bin/setup-mpj.sh")
  jars=()
  for jar in "$home"/launcher/target/mpipool-launcher-*.jar; do # the newest, not one of an older version
    case $jar in *-sources.jar | *-javadoc.jar) continue ;; esac
    if [ "$jar" -nt "${jars[0]:-}" ]; then jars=("$jar"); fi
  done
  lib=$home/launcher/target/lib
  path=${jars[0]}:$lib/mpipool-core.jar
  others=("$lib"/*.jar "$home"/examples/target/*.jar "$home"/examples/target/lib/*.jar)
  cache=$home/launcher/target/archives
fi
launcher=("$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xmx128m
  "-Dmpipool.home=$home" "-Dmpipool.mpj.home=$mpj" -cp "$path")
main=dev.mpipool.launcher.Main

# Archives with which JVMs start faster, one set for each JDK and build: of parsed classes, and from Java 25 on of linked
# classes and profiles.
train() { # DEVICE HEAP OPTION...
  env -u JAVA_TOOL_OPTIONS -u JDK_JAVA_OPTIONS -u _JAVA_OPTIONS \
    "${launcher[0]}" "${@:3}" "-Dmpipool.archives.make=$made" \
    "${launcher[@]:1}" "$main" -np 2 -dev "$1" "-Xmx$2" Warmup >/dev/null 2>&1 </dev/null || true
}

# Whether references into a heap of the default size are longer: it is a quarter of the memory that this process may use,
# and from 30 GB on they are not compressed.
is_heap_large() {
  local least=$((119 << 20)) memory controllers path root file limit
  read -r _ memory _ </proc/meminfo && [ "$memory" -gt "$least" ] || return 1
  while IFS=: read -r _ controllers path; do
    case ,$controllers, in
      ,,) root=/sys/fs/cgroup file=memory.max ;;
      *,memory,*) root=/sys/fs/cgroup/memory file=memory.limit_in_bytes ;;
      *) continue ;;
    esac
    path=${path%/}
    while :; do
      if read -r limit <"$root$path/$file" && [ "$limit" != max ] && [ "$((limit >> 10))" -le "$least" ]; then return 1; fi
      [ -n "$path" ] || break
      path=${path%/*}
    done
  done </proc/self/cgroup
} 2>/dev/null

archives() {
  local key made device heap builder trusted
  key=$(stat -L -c '%n %Y %s' "$jdk/lib/modules" "${jars[0]}" "${others[@]}" "$mpj"/lib/*.jar 2>/dev/null | cksum | tr ' ' -) || true
  archives=$cache/$key$large
  # An archive can hold any code: it must come from this user or whoever built the jars, and nobody else may write there.
  if [ -e "$archives" ] || [ -L "$archives" ]; then
    builder=$(stat -L -c %u "${jars[0]}")
    trusted=$(find "${archives%/*}" "$archives" -maxdepth 0 -type d ! -perm /022 \
      \( -user 0 -o -user "$EUID" -o -user "$builder" \))
    [ "$trusted" = "${archives%/*}"$'\n'"$archives" ] || archives=
    return 0
  fi
  [ -z "${MPIPOOL_NO_BUILD:-}" ] || return 0
  [ -d "${archives%/*}" ] || mkdir -m 755 "${archives%/*}" 2>/dev/null || return 0
  made=$(mktemp -d "$archives.XXXXXX" 2>/dev/null) || return 0
  # Those of other builds and those of runs that were ended meanwhile; a set that is missing is made again.
  find "${archives%/*}" -mindepth 1 -maxdepth 1 -user "$EUID" -mtime +7 -exec rm -rf {} + 2>/dev/null || true
  for device in tcpdev multicore; do
    for heap in 256m ${large:+40g}; do
      train "$device" "$heap" "-XX:ArchiveClassesAtExit=$made/launcher.jsa"
      [ "$java_version" -lt 25 ] ||
        train "$device" "$heap" "-XX:AOTCacheOutput=$made/launcher.aot" -Dmpipool.archives.aot=true
    done
  done
  chmod -R go+rX,go-w "$made"
  mv -T "$made" "$archives" 2>/dev/null || rm -rf "$made"
}

large=
if is_heap_large; then
  large=-large
  launcher+=(-Dmpipool.archives.large=true)
fi
archives

# What the user wants of every JVM is meant for the ranks: the launcher's own has options that go with no others.
for name in JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS; do
  unset "MPIPOOL_RANKS_$name"
  if [ -n "${!name:-}" ]; then export "MPIPOOL_RANKS_$name=${!name}"; fi
  unset "$name"
done
if [ -f "$archives/launcher.aot" ]; then
  launcher=("$java" "-XX:AOTCache=$archives/launcher.aot" -Xlog:disable "-Dmpipool.archives=$archives" "${launcher[@]:1}")
elif [ -f "$archives/launcher.jsa" ]; then
  launcher=("$java" "-XX:SharedArchiveFile=$archives/launcher.jsa" -Xshare:auto -Xlog:disable
    "-Dmpipool.archives=$archives" "${launcher[@]:1}")
fi
exec "${launcher[@]}" "$main" "$@"
