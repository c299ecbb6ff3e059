#!/usr/bin/env bash
# central.sh FOLDER: deploys what goes to Maven Central into a folder, signed with a key made for it, and looks whether
# that is all that Central asks for.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../../../.."
key=$(mktemp -d)
trap 'gpgconf --homedir "$key" --kill gpg-agent; rm -rf "$key"' EXIT
export GNUPGHOME=$key
gpg --batch --quiet --passphrase '' --quick-generate-key 'a trial <trial@example.com>' rsa3072 sign never

mvn -q -B -Prelease -DskipTests -Dmaven.install.skip=true -pl .,bom,core,mpj,native,pool-compat,agent deploy "-DaltDeploymentRepository=folder::file://$folder"

fail() {
  echo "central.sh: $1" >&2
  exit 1
}

verify() { # the last that was deployed of a file's kind
  local file
  file=$(ls "$folder/dev/mpipool/$1"/*/"$1"-*"$2" | grep -v '\.asc$\|\.md5$\|\.sha' | tail -n 1) || fail "$1 has no $2"
  gpg --batch --quiet --verify "$file.asc" "$file" 2>/dev/null || fail "$file is not signed"
  for sum in md5 sha1; do [ -s "$file.$sum" ] || fail "$file has no $sum"; done
}

for module in core mpj native pool-compat agent; do
  for kind in .pom -sources.jar -javadoc.jar .jar; do verify "mpipool-$module" "$kind"; done
  unzip -Z1 "$(ls "$folder/dev/mpipool/mpipool-$module"/*/*-javadoc.jar | tail -n 1)" | grep -q '^index.html$' ||
    fail "mpipool-$module has no Javadoc"
done
for module in parent bom; do
  verify "mpipool-$module" .pom
  pom=$(ls "$folder/dev/mpipool/mpipool-$module"/*/*.pom | tail -n 1)
  for element in name description url license developer connection; do
    grep -q "<$element>" "$pom" || fail "$pom has no $element"
  done
done
for module in core mpj native pool-compat agent; do
  pom=$(ls "$folder/dev/mpipool/mpipool-$module"/*/*.pom | tail -n 1)
  for element in name description; do
    grep -q "<$element>" "$pom" || fail "$pom has no $element"
  done
done
[ ! -e "$folder/dev/mpipool/mpipool-benchmarks" ] || fail "the benchmarks are deployed"
echo "central.sh: $folder has all that Maven Central asks for"
