#!/usr/bin/env bash
# Finds MPJ Express 0.44 or assembles it below .mpj/, and prints the folder that serves as MPJ_HOME.
# In this order: MPJ_HOME, what is already below .mpj/, Debian's installed packages, Debian's packages
# downloaded through apt without root. With an argument (a local Maven repository) it prints nothing but
# puts mpj.jar there as org.mpjexpress:mpj:0.44, since no public repository has it. Writes nothing
# outside these two.

# Starts over as bash -p, in which BASH_ENV, CDPATH, SHELLOPTS, exported functions and the like have no effect.
case $- in *p*) ;; *) exec env -u SHELLOPTS -u BASHOPTS bash -p -- "$0" "$@" ;; esac
set -euo pipefail
umask 022

clone=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
mpj=$clone/.mpj
version=0.44
packages=(libmpj-java liblog4j1.2-java libcommons-cli-java libcommons-io-java libcommons-codec-java)

# A home that works has the library, what the library logs with, and its configuration.
works() {
  [ -f "$1/lib/mpj.jar" ] && [ -f "$1/lib/smpdev.jar" ] && [ -f "$1/lib/starter.jar" ] &&
    [ -f "$1/conf/mpjexpress.conf" ] && compgen -G "$1/lib/log4j*.jar" >/dev/null
}

# assemble ROOT: makes .mpj/home from Debian's packages unpacked below ROOT (empty: the system's own).
assemble() {
  local root=$1 home name
  home=$(mktemp -d "$mpj/home.XXXXXX")
  mkdir -p "$home/lib" "$home/logs" "$home/conf"
  for name in "$root"/usr/share/mpj/lib/*-$version.jar; do
    cp "$name" "$home/lib/$(basename "$name" "-$version.jar").jar"
  done
  for name in log4j-1.2 commons-cli commons-io commons-codec; do
    cp -L "$root/usr/share/java/$name.jar" "$home/lib/" || return 1
  done
  cp "$root"/etc/mpj/* "$home/conf/" || return 1
  chmod -R go+rX "$home"
  works "$home" || return 1
  mv -T "$home" "$mpj/home" 2>/dev/null || rm -rf "$home" # another run was quicker
}

download() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  local folder=$mpj/download lists=$mpj/apt package
  rm -rf "$folder" "$lists" && mkdir -p "$folder/root" "$lists/lists/partial" "$lists/cache/archives/partial"
  local apt=(apt-get -qq -o "APT::Sandbox::User=$(id -un)")
  if ! (cd "$folder" && "${apt[@]}" download "${packages[@]}") >"$mpj/download.log" 2>&1; then
    # No list of packages on this machine yet, or an old one: fetch one of our own, which needs no root.
    apt+=(-o "Dir::State::lists=$lists/lists" -o "Dir::Cache=$lists/cache")
    "${apt[@]}" update >>"$mpj/download.log" 2>&1 || return 1
    (cd "$folder" && "${apt[@]}" download "${packages[@]}") >>"$mpj/download.log" 2>&1 || return 1
  fi
  for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/root" || return 1; done
  assemble "$folder/root" || return 1
  rm -rf "$folder" "$lists"
}

installed() {
  [ -f "/usr/share/mpj/lib/mpj-$version.jar" ] && [ -f /usr/share/java/log4j-1.2.jar ] &&
    [ -f /usr/share/java/commons-cli.jar ] && [ -f /usr/share/java/commons-io.jar ] &&
    [ -f /usr/share/java/commons-codec.jar ] && [ -d /etc/mpj ]
}

if [ -n "${MPJ_HOME:-}" ] && works "$MPJ_HOME"; then
  home=$(cd -- "$MPJ_HOME" && pwd)
else
  [ -z "${MPJ_HOME:-}" ] || echo "mpipool: MPJ_HOME=$MPJ_HOME is no working MPJ Express; using another" >&2
  home=$mpj/home
  if ! works "$home"; then
    mkdir -p "$mpj"
    rm -rf "$home"
    { installed && assemble ""; } || { echo "mpipool: downloading MPJ Express $version" >&2; download; } || {
      echo "mpipool: MPJ Express $version is not on this machine and could not be downloaded through apt." >&2
      echo "  Download mpj-v0_44.tar.gz from http://mpjexpress.org/download.php, unpack it anywhere," >&2
      echo "  and set MPJ_HOME to the folder mpj-v0_44 that it makes: export MPJ_HOME=\$HOME/mpj-v0_44" >&2
      exit 1
    }
  fi
fi

if [ $# -gt 0 ]; then
  artifact=$1/org/mpjexpress/mpj/$version
  if ! cmp -s "$home/lib/mpj.jar" "$artifact/mpj-$version.jar"; then
    mkdir -p "$artifact"
    cat >"$artifact/mpj-$version.pom" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.mpjexpress</groupId>
  <artifactId>mpj</artifactId>
  <version>$version</version>
</project>
POM
    cp "$home/lib/mpj.jar" "$artifact/mpj-$version.jar"
  fi
else
  echo "$home"
fi
