# Sourced by the scripts of this folder, which run as bash -p: there BASH_ENV, SHELLOPTS, CDPATH, exported functions
# and the like, which are meant for the user's own shell, have no effect.

# find_java: sets jdk to the folder of the JDK, java to its JVM and java_version to its feature release, or says what is
# missing and ends the script.
find_java() {
  local name=${0##*/} properties version=
  java= java_version=
  if [ -x "${JAVA_HOME:-}/bin/java" ] && [ -n "${JAVA_HOME:-}" ]; then
    java=$JAVA_HOME/bin/java
  elif ! java=$(type -P java); then
    echo "$name: there is no java on the PATH${JAVA_HOME:+, nor in JAVA_HOME=$JAVA_HOME}; install a JDK, 17 or later, or set JAVA_HOME" >&2
    exit 1
  fi
  jdk=$(readlink -f -- "$java") && jdk=${jdk%/bin/java}
  if [ -f "$jdk/lib/modules" ] && [ -f "$jdk/release" ]; then
    [[ $(<"$jdk/release") =~ JAVA_VERSION=\"([0-9]+) ]] && version=${BASH_REMATCH[1]}
  else # a script that chooses among JDKs, as those of asdf and jenv, or a JDK of another layout
    if ! properties=$(unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS
      "$java" -XshowSettings:properties -version 2>&1 </dev/null); then
      printf '%s: %s does not run:\n%s\n' "$name" "$java" "$properties" >&2
      exit 1
    fi
    [[ $properties =~ java\.home\ =\ ([^$'\n']+) ]] && jdk=${BASH_REMATCH[1]}
    [[ $properties =~ java\.specification\.version\ =\ (1\.)?([0-9]+) ]] && version=${BASH_REMATCH[2]}
  fi
  if [ -n "$version" ] && [ "$version" -lt 17 ]; then
    echo "$name: Java 17 or later is needed, and $java is Java $version; set JAVA_HOME to the folder of another JDK" >&2
    exit 1
  fi
  if [ -n "${JAVA_HOME:-}" ] && [ ! -x "$JAVA_HOME/bin/java" ]; then
    echo "$name: JAVA_HOME=$JAVA_HOME has no bin/java; using $jdk" >&2
    JAVA_HOME=$jdk # for Maven, which would refuse
  fi
  java=$jdk/bin/java
  java_version=${version:-17}
}
