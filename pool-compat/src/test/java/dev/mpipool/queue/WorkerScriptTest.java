package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What reaches java through a job's shell, which is dash on some machines and bash on others. */
@Timeout(60)
class WorkerScriptTest {

  /** The witness is to be a shell that takes its options from nowhere. */
  private static final boolean DASH = Files.exists(Path.of("/bin/dash"));

  @TempDir Path folder;

  /** Names that shells have for themselves, and values that they would change. */
  private static Map<String, String> nasty() {
    Map<String, String> variables = new TreeMap<>();
    for (String name :
        List.of(
            "newline",
            "chunk",
            "classes",
            "PPID",
            "UID",
            "EUID",
            "GROUPS",
            "SHELLOPTS",
            "BASHOPTS",
            "BASH_ENV",
            "ENV",
            "BASH",
            "BASH_VERSION",
            "IFS",
            "PS1",
            "PS4",
            "OPTIND",
            "LINENO",
            "RANDOM",
            "SECONDS",
            "FUNCNAME",
            "DIRSTACK",
            "HISTCMD",
            "CDPATH",
            "PATH",
            "HOME",
            "LC_ALL",
            "POSIXLY_CORRECT",
            "1",
            "a-b",
            "a.b",
            "a b",
            "-x",
            "--",
            "-i",
            "x%%",
            "ä")) {
      variables.put(Environment.bytes(name), "value of " + Environment.bytes(name));
    }
    variables.put("SHELLOPTS", DASH ? "noexec:nounset:xtrace" : "nounset");
    variables.put("BASH_FUNC_cd%%", "() { exit 7\n}");
    variables.put("BASH_FUNC_module()", "() {  eval `/usr/bin/modulecmd bash $*`\n}");
    variables.put("OPTIND", "7"); // else the witness ends
    variables.put("EMPTY", "");
    variables.put("QUOTES", "it's \"$HOME\" `date` $(date) \\ %s !x 'end'");
    variables.put("LINES", "\n#$ -q evil\n#SBATCH --evil\n\n");
    variables.put("EQUALS", "=a=b=");
    variables.put("BYTES", "\u00c3( \u00ff'\u0001\u007f\u0080\u00e3'");
    variables.put("LONG", "x'".repeat(50_000));
    return variables;
  }

  static Stream<Arguments> shells() {
    return Stream.of("/bin/sh", "/bin/dash", "/bin/bash")
        .flatMap(
            shell -> Stream.of("empty", "noisy", "array").map(kind -> Arguments.of(shell, kind)));
  }

  private record Seen(String text, int exitCode) {
    Map<String, String> variables() {
      Map<String, String> variables = new TreeMap<>();
      for (String entry : text.substring(text.indexOf('\0') + 1).split("\0", -1)) {
        int end = entry.indexOf('=', 1);
        if (end > 0) {
          variables.put(entry.substring(0, end), entry.substring(end + 1));
        }
      }
      return variables;
    }

    String arguments() {
      return text.substring(0, text.indexOf('\0'));
    }
  }

  /** In the place of java: tells its arguments and its environment, as they are. */
  private String witness() throws Exception {
    Path program = folder.resolve("a witness='x'");
    Files.writeString(
        program,
        (DASH ? "#!/bin/dash\n" : "#!/bin/sh\n")
            + """
        printf '%s|' "$PWD" "$@"
        printf '\\0'
        /bin/cat /proc/$$/environ
        """);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return program.toString();
  }

  private Seen run(String shell, String kind, Map<String, String> environment, Path work)
      throws Exception {
    PoolSettings settings = new PoolSettings();
    settings.java = witness();
    settings.javaOptions = new ArrayList<>(List.of("-Da='b c'", "-Dd=\"$e\""));
    settings.classPath = new ArrayList<>(List.of("/x y/'z'.jar", "/w"));
    settings.directory = folder.toString();
    settings.environment = new TreeMap<>(environment);
    WorkFolder map = new WorkFolder(work);
    Files.createDirectories(work);
    Files.writeString(
        map.command(),
        WorkerScript.command(map.path(), settings, raw(environment)),
        StandardCharsets.ISO_8859_1);
    String script = WorkerScript.script("test-1", map);
    assertThat(script.lines().skip(1)).noneMatch(line -> line.matches("#(\\$|SBATCH|PBS).*"));
    Files.writeString(map.script(), script, StandardCharsets.ISO_8859_1);

    List<String> command = new ArrayList<>(List.of("/usr/bin/env", "-i"));
    if (kind.equals("noisy")) { // what a scheduler's own environment might be like
      command.addAll(
          List.of("newline=X", "chunk=X", "classes=X", "SLURM_JOB_ID=7", "LC_ALL=C", "OTHER=x y"));
    }
    command.addAll(List.of("CUDA_VISIBLE_DEVICES=3", "TMPDIR=/tmp/job-7"));
    if (kind.equals("array")) {
      command.add("SLURM_ARRAY_TASK_ID=5");
    }
    command.addAll(List.of(shell, map.script().toString(), "12"));
    if (kind.equals("array")) {
      command.add("array");
    }
    Path out = folder.resolve("out");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(out.toFile()))
            .start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Seen(Files.readString(out, StandardCharsets.ISO_8859_1), process.exitValue());
  }

  /** The characters are bytes already. */
  private static Environment raw(Map<String, String> bytes) {
    return Environment.ofBytes(bytes);
  }

  @ParameterizedTest
  @MethodSource("shells")
  void everyVariableArrivesAsItIs(String shell, String kind) throws Exception {
    Assumptions.assumeTrue(Files.exists(Path.of(shell)), shell + " is not on this machine");
    Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/environ")), "no /proc");
    Map<String, String> given = nasty();
    given.put("CUDA_VISIBLE_DEVICES", "0");
    given.put("TMPDIR", "/tmp/of-the-program");
    given.put("SLURM_JOB_ID", "of the program");
    given.put("_", "of the program");

    Path work = folder.resolve("it's\n#SBATCH --evil\n#$ -evil");
    Seen seen = run(shell, kind, given, work);

    assertThat(seen.exitCode()).as("exit code of: %.1000s", seen.text()).isZero();
    Map<String, String> expected = nasty();
    expected.put("CUDA_VISIBLE_DEVICES", "3");
    expected.put("TMPDIR", "/tmp/job-7");
    if (kind.equals("noisy")) {
      expected.putAll(Map.of("SLURM_JOB_ID", "7", "OTHER", "x y"));
    }
    Map<String, String> came = seen.variables();
    came.keySet().removeAll(List.of("_", "PWD", "OLDPWD", "SHLVL", "SLURM_ARRAY_TASK_ID"));
    assertThat(came).isEqualTo(expected);
    assertThat(seen.arguments())
        .isEqualTo(
            String.join(
                "|",
                folder.toString(),
                "-Da='b c'",
                "-Dd=\"$e\"",
                "-cp",
                "/x y/'z'.jar:/w",
                Worker.class.getName(),
                work.toString(),
                kind.equals("array") ? "17" : "12",
                ""));
  }

  @Test
  void whatTheProgramDoesNotHaveIsNotSetForItsProgramsSake() throws Exception {
    Seen seen = run("/bin/sh", "noisy", Map.of("A", "1"), folder.resolve("map"));

    assertThat(seen.variables()).containsEntry("A", "1").doesNotContainKey("LC_ALL");
  }

  @Test
  void theFolderIsItsOwnersAlone() throws Exception {
    String session = "private";
    WorkFolder map = new WorkFolder(folder.resolve(session));
    map.create();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(map.path())))
        .isEqualTo("rwx------");
  }

  @Test
  void whatNoEnvironmentCanHoldIsRefused() {
    QueuePool.Builder builder = QueuePool.builder(new LocalScheduler(1));
    for (Map<String, String> impossible :
        List.of(Map.of("", "x"), Map.of("a=b", "x"), Map.of("a\0b", "x"), Map.of("a", "x\0"))) {
      assertThatThrownBy(() -> builder.environment(impossible))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("cannot be set");
    }
  }
}
