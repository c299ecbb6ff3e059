#!/usr/bin/env bash
# consumers.sh ARCHIVE FAT_JAR: runs a program whose jar has all that it needs, without a launcher and on ranks of the
# archive's, and a program that is a module, on the module path and on the class path.
set -euo pipefail
archive=$1 fat=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
java=$(readlink -f "${JAVA_HOME:+$JAVA_HOME/bin/}java" 2>/dev/null || true)
[ -x "$java" ] || java=$(readlink -f "$(command -v java)")
bin=${java%/java}
tar -xzf "$archive" -C "$folder"
home=$(echo "$folder"/mpipool-*)

fail() {
  printf 'consumers.sh: %s\n%s\n' "$1" "$2" >&2
  exit 1
}

check() { # what, the expected output, a command
  local what=$1 expected=$2 said
  shift 2
  said=$(cd "$folder" && timeout 120 "$@" 2>&1 </dev/null) || fail "$what failed" "$said"
  [ "$said" = "$expected" ] || fail "$what did not print: $expected" "$said"
}

check "the jar, alone" "answer 42" "$bin/java" -jar "$fat"
check "the jar, on ranks" "answer 42" "$home/bin/mpjrun.sh" -np 3 -jar "$fat"
check "the jar, on ranks, with MPI" $'sum of ranks 3\nanswer 42' "$home/bin/mpjrun.sh" -np 3 -jar "$fat" mpi

# A module that uses the executor, MPIPool and a record of its own, and opens none of its packages.
mkdir -p "$folder/app/com/example/app"
cat >"$folder/app/module-info.java" <<'END'
module com.example.app {
  requires mpipool.core;
  requires mpipool.poolcompat;
}
END
cat >"$folder/app/com/example/app/Main.java" <<'END'
package com.example.app;

import dev.mpipool.MPIExecutor;
import dev.mpipool.pool.MPIPool;
import java.io.Serializable;
import java.util.List;

public class Main {
  record Point(int x, int y) implements Serializable {}

  public static void main(String[] args) throws Exception {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          int base = 100;
          System.out.println(executor.submit(() -> base + 1).get());
          System.out.println(executor.submit(p -> new Point(p.y(), p.x()), new Point(1, 2)).get());
          System.out.println(executor.map(x -> x * x, List.of(1, 2, 3)).toList());
        });
    if (own(args).equals("pool")) {
      try (MPIPool pool = new MPIPool()) {
        System.out.println(pool.map(x -> x + 1, List.of(1, 2, 3)));
      }
    }
    System.out.println("named " + Main.class.getModule().isNamed());
  }

  private static String own(String[] args) {
    return args.length == 0 ? "" : args[args.length - 1];
  }
}
END
modules=$home/lib
"$bin/javac" --release 17 -d "$folder/classes" -p "$modules" "$folder/app/module-info.java" \
  "$folder/app/com/example/app/Main.java"
printed=$'101\nPoint[x=2, y=1]\n[1, 4, 9]\n[2, 3, 4]'
check "a module, on the module path" "$printed"$'\nnamed true' \
  "$bin/java" -p "$modules:$folder/classes" -m com.example.app/com.example.app.Main pool
check "a module, on the class path" "$printed"$'\nnamed false' \
  "$bin/java" -cp "$modules/*:$folder/classes" com.example.app.Main pool
check "a module, on ranks" $'101\nPoint[x=2, y=1]\n[1, 4, 9]\nnamed false\nnamed false' \
  "$home/bin/mpjrun.sh" -np 2 -cp "$folder/classes" com.example.app.Main

for jar in "$home"/lib/mpipool-*.jar "$home"/lib/*/mpipool-*.jar "$home"/examples/*.jar; do
  name=$("$bin/jar" --describe-module --file "$jar" --release 17 2>&1) || name=$("$bin/jar" --describe-module --file "$jar" 2>&1)
  grep -q '^mpipool\.[a-z]* jar:\|^mpipool\.[a-z]* automatic\|^mpipool\.[a-z]*@.* jar:\|^mpipool\.[a-z]*@.* automatic' <<<"$name" ||
    fail "$jar has no module name" "$name"
done
