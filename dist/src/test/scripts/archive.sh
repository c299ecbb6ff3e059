#!/usr/bin/env bash
# archive.sh ARCHIVE: unpacks the archive below a folder with spaces in its name, makes it read-only, and runs programs
# from it with a PATH that has no Maven, as a user of a cluster would.
set -euo pipefail
archive=$1
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
java=$(readlink -f "${JAVA_HOME:+$JAVA_HOME/bin/}java" 2>/dev/null || true)
[ -x "$java" ] || java=$(readlink -f "$(command -v java)")

fail() {
  echo "archive.sh: $1" >&2
  [ $# -lt 2 ] || printf '%s\n' "$2" >&2
  exit 1
}

mkdir "$folder/a user's folder" "$folder/tools" "$folder/empty"
tar -xzf "$archive" -C "$folder/a user's folder"
home=$(echo "$folder/a user's folder"/mpipool-*)
for tool in bash sh env dirname readlink find sed awk cat stat cksum tr mktemp mkdir chmod mv rm timeout df date head ls id; do
  path=$(command -v "$tool") && ln -s "$path" "$folder/tools/$tool"
done
[ ! -e "$folder/tools/mvn" ] || fail "there is Maven"

# Root may write to a read-only folder: then another user runs the programs.
other=()
if [ "$(id -u)" = 0 ]; then
  other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 755 "$folder"
  chmod 777 "$folder/empty"
fi

# run ARGUMENTS: in the empty folder, with nothing of this build's environment.
run() {
  (cd "$folder/empty" && timeout 300 "${other[@]}" env -i PATH="$folder/tools" HOME="$folder/empty" JAVA_HOME="${java%/bin/java}" \
    "$home/bin/mpjrun.sh" "$@" 2>&1)
}

check() { # what, the expected last line, arguments
  local what=$1 expected=$2 said
  shift 2
  said=$(run "$@") || fail "$what failed" "$said"
  [ "$(tail -n 1 <<<"$said")" = "$expected" ] || fail "$what did not end with: $expected" "$said"
}

chmod -R a-w "$home"
check "an example on processes" "All ranks are here: 3" -np 3 Example
check "an example on threads" "All ranks are here: 2" -np 2 -dev multicore Example
[ -z "$(ls -A "$folder/empty")" ] || fail "a run leaves files behind" "$(ls -A "$folder/empty")"
chmod -R u+w "$home"
other=()
check "an example of a folder that can be written" "All ranks are here: 2" -np 2 Example
check "the agent" "All ranks are here: 2" -np 2 -any-lambda Example
check "another run" "All ranks are here: 2" -np 2 Example

# A program of one's own, compiled against the archive.
if [ -x "${java}c" ]; then
  cp -r "$home/examples/starter/src/main/java/com" "$folder/empty"
  (cd "$folder/empty" && "${java}c" -cp "$home/lib/*" com/example/Main.java)
  check "a program" "The sum of 10 squares is 385" -np 2 com.example.Main 10
fi
echo "archive.sh: ${archive##*/} runs"
