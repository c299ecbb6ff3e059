package dev.mpipool.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The scripts of bin/ under what users' shells and machines set up: in a copy of the clone whose
 * path has a space and a quote, and which a user who is not its owner cannot write.
 */
class ShellsIT {
  private static final String JAVA =
      Path.of(System.getProperty("java.home"), "bin/java").toString();

  /** What the scripts call, without java. */
  private static final List<String> TOOLS =
      List.of(
          "bash",
          "cat",
          "cksum",
          "dirname",
          "env",
          "find",
          "flock",
          "mkdir",
          "mktemp",
          "mv",
          "readlink",
          "rm",
          "sed",
          "sh",
          "stat",
          "touch",
          "tr");

  @TempDir Path folder;
  private Path clone;
  private Path path;

  @BeforeEach
  void copy() throws IOException {
    // Not the system's own folder for programs: that one may have a java.
    path = Files.createDirectory(folder.resolve("tools"));
    for (String tool : TOOLS) {
      for (String place : List.of("/usr/bin", "/bin")) {
        Path program = Path.of(place, tool);
        if (Files.isExecutable(program) && !Files.exists(path.resolve(tool))) {
          Files.createSymbolicLink(path.resolve(tool), program);
        }
      }
    }
    clone = Files.createDirectory(folder.resolve("a b'c"));
    Path target = Files.createDirectories(clone.resolve("launcher/target"));
    Files.createDirectory(clone.resolve("bin"));
    for (Path script : list(Mpjrun.home().resolve("bin"))) {
      Files.copy(script, clone.resolve("bin").resolve(script.getFileName()));
    }
    for (String name : List.of("pom.xml", ".mpj", "device", "core", "pool-compat", "examples")) {
      link(clone, name);
    }
    link(clone, "launcher/src");
    link(clone, "launcher/pom.xml");
    link(clone, "launcher/target/lib");
    for (Path jar : list(Mpjrun.home().resolve("launcher/target"))) {
      if (jar.toString().endsWith(".jar")) {
        Files.createSymbolicLink(target.resolve(jar.getFileName()), jar);
      }
    }
    Files.createFile(target.resolve("built"));
  }

  @AfterEach
  void deleteLinks() throws IOException { // JUnit warns of each that leads out of its folder
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path link : all.filter(Files::isSymbolicLink).toList()) {
        Files.delete(link);
      }
    }
  }

  @Test
  void theUsersShellChangesNothing() throws IOException {
    Mpjrun job =
        Mpjrun.on("tcpdev")
            .np(1)
            .folder(clone)
            .script(Path.of("bin/mpjrun.sh"))
            .environment("CLASSPATH", "/nowhere")
            .environment("MAVEN_OPTS", "-Xmx1k '");
    shell().forEach(job::environment);
    Mpjrun.Result result = job.run(Script.class, "*:environment:CDPATH", "*:environment:BASH_ENV");
    result.assertExitCode(0);
    assertThat(result.out())
        .containsExactly("set up", "CDPATH=.", "BASH_ENV=" + folder.resolve("set up"));
    assertThat(result.err()).isEmpty();
    assertThat(list(folder)).containsExactlyInAnyOrder(clone, path, folder.resolve("set up"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bin/setup-mpj.sh",
        "sh bin/setup-mpj.sh",
        "bash bin/setup-mpj.sh",
        "env POSIXLY_CORRECT=1 bin/setup-mpj.sh"
      })
  void setupPrintsTheFolderAlone(String command) throws Exception {
    Output output = run(shell(), command.split(" "));
    assertThat(output.code()).as(output.text()).isZero();
    assertThat(output.text().replaceFirst("^set up\n", ""))
        .isEqualTo(clone.resolve(".mpj/home") + "\n");
    assertThat(list(folder)).containsExactlyInAnyOrder(clone, path, folder.resolve("set up"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcpdev", "multicore"})
  void optionsForEveryJvmAreTheRanksAlone(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(1)
            .environment("JAVA_TOOL_OPTIONS", "-XX:+UseParallelGC -Xms300m -Xmx400m -Da=1")
            .environment("JDK_JAVA_OPTIONS", "-XX:+UseParallelGC \"-Db=2 2\"")
            .environment("_JAVA_OPTIONS", "-Xms300m -Dc=3")
            .run(
                Script.class,
                "*:property:a",
                "*:property:b",
                "*:property:c",
                "*:environment:JAVA_TOOL_OPTIONS",
                "*:environment:MPIPOOL_RANKS_JAVA_TOOL_OPTIONS");
    result.assertExitCode(0);
    assertThat(result.out())
        .containsExactly(
            "a=1",
            "b=2 2",
            "c=3",
            "JAVA_TOOL_OPTIONS=-XX:+UseParallelGC -Xms300m -Xmx400m -Da=1",
            "MPIPOOL_RANKS_JAVA_TOOL_OPTIONS=null");
    assertThat(result.err()).hasSize(3).allMatch(line -> line.contains("Picked up"));
  }

  @Test
  void aScriptThatChoosesTheJdkWillDo() throws IOException {
    executable(path.resolve("java"), "echo chosen >&2; exec '" + JAVA + "' \"$@\"");
    Mpjrun.Result result = help().unset("JAVA_HOME").runCommand("-h");
    result.assertExitCode(0);
    assertThat(result.out()).isNotEmpty();
    assertThat(result.err()).isEmpty();
  }

  @Test
  void withoutJavaItSaysWhatIsMissing() {
    assertOneLine(help().unset("JAVA_HOME"), "there is no java on the PATH; install a JDK");
    assertOneLine(
        help().environment("JAVA_HOME", "/nowhere"),
        "there is no java on the PATH, nor in JAVA_HOME=/nowhere");
  }

  @Test
  void aJavaHomeThatIsNoneGivesWayToThePath() throws IOException {
    Files.createSymbolicLink(path.resolve("java"), Path.of(JAVA));
    Mpjrun.Result result = help().environment("JAVA_HOME", "/nowhere").runCommand("-h");
    result.assertExitCode(0);
    assertThat(result.err()).hasSize(1);
    assertThat(result.err().get(0)).contains("JAVA_HOME=/nowhere has no bin/java; using /");
  }

  @Test
  void anOldJavaIsNamed() throws IOException {
    Path jdk = folder.resolve("jdk11");
    Files.createDirectories(jdk.resolve("lib"));
    Files.createFile(jdk.resolve("lib/modules"));
    Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"11.0.2\"\n");
    Files.createDirectory(jdk.resolve("bin"));
    executable(jdk.resolve("bin/java"), "exit 3");
    assertOneLine(
        help().environment("JAVA_HOME", jdk.toString()),
        "Java 17 or later is needed, and " + jdk + "/bin/java is Java 11");
    executable(
        path.resolve("java"),
        "printf '    java.home = /jdk8/jre\\n    java.specification.version = 1.8\\n' >&2");
    assertOneLine(help().unset("JAVA_HOME"), path + "/java is Java 8");
  }

  @Test
  void aScriptThatChoosesNoJdkIsHeard() throws IOException {
    executable(path.resolve("java"), "echo 'No version is set for java' >&2; exit 126");
    Mpjrun.Result result = help().unset("JAVA_HOME").runCommand("-h").assertExitCode(1);
    assertThat(result.err())
        .containsExactly(
            "mpjrun.sh: " + path.resolve("java") + " does not run:", "No version is set for java");
  }

  @Test
  void aCloneThatCannotBeWrittenRuns() throws Exception {
    Files.setLastModifiedTime(
        clone.resolve("launcher/target/built"),
        FileTime.from(Instant.ofEpochSecond(1_000_000_000)));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(
        clone.resolve("launcher/target"), PosixFilePermissions.fromString("r-xr-xr-x"));
    boolean root = "root".equals(System.getProperty("user.name"));
    String jar = Mpjrun.home().resolve("pom.xml").toString();
    Assumptions.assumeTrue(
        !root || run(Map.of(), asNobody("cat", jar)).code() == 0, "no other user can read this");
    String[] command = {"bin/mpjrun.sh", "-np", "1", "-dev", "tcpdev", "Example"};
    Output output = run(Map.of(), root ? asNobody(command) : command);
    assertThat(output.code()).as(output.text()).isZero();
    assertThat(output.text())
        .startsWith("mpjrun.sh: " + clone + " is read-only and its sources are newer")
        .contains("All ranks are here: 1");
    assertThat(list(clone.resolve("launcher/target"))).noneMatch(p -> p.endsWith("archives"));
  }

  @Test
  void archivesOfClassesAreUsedIfNobodyElseCanHaveWrittenThem() throws Exception {
    String[] traced = {"bash", "-px", "bin/mpjrun.sh", "-h"};
    Map<String, String> built = Map.of("MPIPOOL_NO_BUILD", "1");
    Path archives =
        run(built, traced)
            .text()
            .lines()
            .filter(line -> line.contains("archives='/") || line.contains("archives=/"))
            .map(line -> Path.of(line.replaceAll(".*launcher/target/", "").replace("'", "")))
            .map(clone.resolve("launcher/target")::resolve)
            .findFirst()
            .orElseThrow();
    Files.createDirectories(archives);
    Files.createFile(archives.resolve("launcher.jsa"));
    for (Path each : List.of(archives, archives.getParent())) {
      permissions("rwxr-xr-x", archives, archives.getParent());
      assertThat(run(built, traced).text()).contains("-XX:SharedArchiveFile=");
      permissions("rwxrwxrwx", each);
      assertThat(run(built, traced).text()).doesNotContain("-XX:SharedArchiveFile=");
    }
    permissions("rwxr-xr-x", archives.getParent());
    Path elsewhere = Files.move(archives, folder.resolve("elsewhere"));
    permissions("rwxr-xr-x", elsewhere);
    Files.createSymbolicLink(archives, elsewhere);
    assertThat(run(built, traced).text()).doesNotContain("-XX:SharedArchiveFile=");
  }

  private static void permissions(String text, Path... of) throws IOException {
    for (Path path : of) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(text));
    }
  }

  /** The help, by the scripts of the copy, with no program on the PATH but the tools. */
  private Mpjrun help() {
    return Mpjrun.plain()
        .script(clone.resolve("bin/mpjrun.sh"))
        .environment("PATH", path.toString());
  }

  private static void assertOneLine(Mpjrun job, String text) {
    Mpjrun.Result result = job.runCommand("-h").assertExitCode(1);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).hasSize(1);
    assertThat(result.err().get(0)).startsWith("mpjrun.sh: ").contains(text);
  }

  /** The environment of a user whose shell is set up in every way that scripts can stumble over. */
  private Map<String, String> shell() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("set up"),
            """
            echo set up
            set -euf -o noclobber
            shopt -s expand_aliases nullglob failglob
            IFS=/
            cd() { builtin cd "$@" && pwd; }
            readlink() { false; }
            alias find=false stat=false
            """);
    return Map.of(
        "CDPATH", ".",
        "GREP_OPTIONS", "--color=always -n",
        "BASH_ENV", file.toString(),
        "ENV", file.toString(),
        "IFS", "/",
        "GLOBIGNORE", "*",
        "SHELLOPTS", "errexit:noglob:nounset",
        "BASHOPTS", "failglob",
        "BASH_FUNC_dirname%%", "() { false; }");
  }

  private record Output(int code, String text) {}

  /** Runs a command in the copy; the text is both streams. */
  private Output run(Map<String, String> environment, String... command) throws Exception {
    Path text = Files.createTempFile("mpipool", ".txt");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(clone.toFile())
              .redirectErrorStream(true)
              .redirectOutput(text.toFile());
      builder.environment().keySet().removeAll(List.of("MPJ_HOME", "MPIPOOL_NO_BUILD"));
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        throw new AssertionError("not ended: " + Files.readString(text, UTF_8));
      }
      return new Output(process.exitValue(), Files.readString(text, UTF_8));
    } finally {
      Files.delete(text);
    }
  }

  private static String[] asNobody(String... command) {
    return Stream.concat(
            Stream.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
            Stream.of(command))
        .toArray(String[]::new);
  }

  private static void executable(Path file, String line) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + line + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static void link(Path to, String name) throws IOException {
    Files.createSymbolicLink(to.resolve(name), Mpjrun.home().resolve(name));
  }

  private static List<Path> list(Path of) throws IOException {
    try (Stream<Path> entries = Files.list(of)) {
      return entries.toList();
    }
  }
}
