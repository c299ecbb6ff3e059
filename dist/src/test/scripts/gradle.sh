#!/usr/bin/env bash
# gradle.sh ARCHIVE REPOSITORY PAGE: builds a project from the build.gradle that PAGE prints, with mpipool from REPOSITORY
# (a local one), and runs it on threads and on ranks of the archive's. Without Gradle says that it was left out.
set -euo pipefail
archive=$1 repository=$2 page=$3
if ! command -v gradle >/dev/null; then
  echo "gradle.sh: Gradle is not installed, and its build is not tried"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -xzf "$archive" -C "$folder"
home=$(echo "$folder"/mpipool-*)
project=$folder/project
mkdir -p "$project/src/main/java/com/example"
echo "rootProject.name = 'squares'" >"$project/settings.gradle"
sed -n '/^```groovy$/,/^```$/{/^```/!p}' "$page" >"$project/build.gradle"
grep -q 'dev.mpipool:mpipool-core' "$project/build.gradle" || {
  echo "gradle.sh: $page prints no build.gradle" >&2
  exit 1
}
cat >>"$project/build.gradle" <<'END'
task onThreads(type: JavaExec) {
  main = 'com.example.Main'
  classpath = sourceSets.main.runtimeClasspath
}
END
cat >"$project/src/main/java/com/example/Main.java" <<'END'
package com.example;

import dev.mpipool.MPIExecutor;
import java.util.List;

public class Main {
  public static void main(String[] args) {
    MPIExecutor.run(
        args, (executor, own) -> System.out.println(executor.map(x -> x * x, List.of(1, 2, 3)).toList()));
  }
}
END

check() { # what, a command: prints the squares
  local what=$1 said
  shift
  said=$(cd "$project" && timeout 200 "$@" 2>&1 </dev/null) && grep -qx '\[1, 4, 9\]' <<<"$said" || {
    printf 'gradle.sh: %s did not print the squares:\n%s\n' "$what" "$said" >&2
    exit 1
  }
}

check "gradle build, on threads" env GRADLE_USER_HOME="$folder/gradle" \
  gradle --no-daemon --offline -q -Dmaven.repo.local="$repository" build onThreads
check "classes of Gradle's, on ranks" "$home/bin/mpjrun.sh" -np 3 -cp build/classes/java/main com.example.Main
