#!/usr/bin/env bash
# compile-versioned.sh JAVA25_HOME JAVA_HOME_OF_MAVEN -cp CLASSPATH: compiles src/main/java22, which needs a JDK of
# 22 or later, into target/classes/META-INF/versions/22, and writes where that JDK is into target/jdk. Looks at
# JAVA25_HOME, at Maven's toolchains, at the JDK that runs Maven, and at those beside it. Without one, the jar lacks
# these classes, and the tests that need them are skipped.
set -euo pipefail
cd "$(dirname "$0")"
wanted=$1 maven=$2
shift 2
out=target/classes/META-INF/versions/22

feature() { # of a JDK; 0 if it is none
  [ -x "$1/bin/javac" ] || { echo 0; return; }
  local version
  version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null || true)
  echo "${version:-0}"
}

candidates() {
  echo "$wanted"
  sed -n 's:.*<jdkHome>\(.*\)</jdkHome>.*:\1:p' ~/.m2/toolchains.xml 2>/dev/null || true
  echo "$maven"
  ls -d "$(dirname "$(readlink -f "$maven")")"/* /usr/lib/jvm/* ~/.sdkman/candidates/java/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home 2>/dev/null || true
}

jdk=
while read -r candidate; do
  if [ "$(feature "$candidate")" -ge 22 ]; then
    jdk=$candidate
    break
  fi
done < <(candidates)

mkdir -p target
if [ -z "$jdk" ]; then
  rm -rf "$out" target/jdk
  echo "mpipool-native: there is no JDK of 22 or later (set JAVA25_HOME): its jar cannot call an MPI library, and its tests on one are skipped"
  exit 0
fi
echo "$jdk" >target/jdk
newer=$(find src/main target/classes -name '*.java' -newer "$out" -o -name '*.class' -newer "$out" 2>/dev/null || echo all)
if [ -d "$out" ] && [ -z "$newer" ]; then
  exit 0
fi
rm -rf "$out"
mkdir -p "$out"
mapfile -t sources < <(find src/main/java22 -name '*.java')
"$jdk/bin/javac" --release 22 -parameters -Xlint:all,-restricted,-path,-options -Werror "$@" -d "$out" "${sources[@]}"
touch "$out"
