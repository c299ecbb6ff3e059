package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a map whose program is ended. */
@Timeout(120)
class QueueProcessTest {

  @TempDir Path folder;

  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void nothingIsLeft() throws IOException {
    if (!Files.exists(folder.resolve("go"))) {
      Files.createFile(folder.resolve("go")); // tasks of a test that has failed
    }
    started.forEach(Process::destroyForcibly);
    await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(workers()).isEmpty());
  }

  private Process program(String... args) throws IOException {
    return started(command(args));
  }

  private static List<String> command(String... args) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                QueueProgram.class.getName()));
    command.addAll(List.of(args));
    return command;
  }

  private Process started(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(folder.resolve("out").toFile()))
            .start();
    started.add(process);
    return process;
  }

  private List<String> workers() {
    return ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(line -> line.contains(Worker.class.getName()) && line.contains(folder.toString()))
        .toList();
  }

  private String out() throws IOException {
    return Files.readString(folder.resolve("out"));
  }

  private Path map() throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found
          .filter(path -> path.getFileName().toString().startsWith("test-"))
          .findFirst()
          .orElseThrow();
    }
  }

  private List<String> jobs() throws IOException {
    try (Stream<Path> found = Files.list(folder.resolve("stand-in/queue/jobs"))) {
      return found.map(Path::toString).toList();
    }
  }

  private void awaitTasks() {
    await().atMost(Duration.ofSeconds(60)).until(() -> Files.exists(folder.resolve("started-1")));
  }

  /** What a shell starts in the background takes no notice of Ctrl-C, nor do its descendants. */
  private static boolean ignoresInterrupts(Process process) throws IOException {
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    if (!Files.exists(status)) {
      return false;
    }
    String ignored =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .findFirst()
            .orElseThrow();
    return (Long.parseUnsignedLong(ignored.substring(7).strip(), 16) & 2) != 0;
  }

  @Test
  void ctrlCDeletesTheJobs() throws Exception {
    Process program = program("stand-in", "waiting", folder.toString());
    awaitTasks();

    String signal = ignoresInterrupts(program) ? "-TERM" : "-INT";
    new ProcessBuilder("kill", signal, Long.toString(program.pid())).start().waitFor();

    assertThat(program.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(program.exitValue()).isNotZero();
    assertThat(jobs()).isEmpty();
    assertThat(out()).doesNotContain("RESULT");
    assertThat(map().resolve("log.jsonl")).content().contains("\"event\":\"stopped\"");
  }

  @Test
  void aKilledProgramsMapIsResumedAndNothingRunsTwice() throws Exception {
    Process program = program("stand-in", "waiting", folder.toString());
    awaitTasks();
    await().until(() -> Files.exists(map().resolve("results/000000")));
    program.destroyForcibly().waitFor();
    assertThat(jobs()).isNotEmpty();

    Process resumed = program("local", "resume", folder.toString(), map().toString());
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> Files.readString(map().resolve("log.jsonl")).contains("\"event\":\"found\""));
    Files.createFile(folder.resolve("go"));

    assertThat(resumed.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(out()).contains("RESULT 14").doesNotContain("submitted again");
    for (int i = 0; i < 4; i++) {
      assertThat(folder.resolve("started-" + i)).hasContent("x");
    }
    assertThat(jobs()).isEmpty();
  }

  @Test
  void theFolderOfALivingMapIsNotResumed() throws Exception {
    Process program = program("local", "waiting", folder.toString());
    awaitTasks();

    Process resumed = program("local", "resume", folder.toString(), map().toString());

    assertThat(resumed.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(out()).contains("Another process works in", "process " + program.pid());
    Files.createFile(folder.resolve("go"));
    assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(out()).contains("RESULT 14");
  }

  @Test
  void theEnvironmentOfTheProgramReachesItsTasksByteForByte() throws Exception {
    Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/environ")), "no /proc");
    for (String scheduler : List.of("local", "stand-in")) {
      Path own = Files.createDirectory(folder.resolve(scheduler));
      // by a shell, since Java can give a process no value that is no text
      String shell =
          "exec env \"BYTES=$(printf '\\303( \\377')\" 'BASH_FUNC_x%%=() { :'\"'\"'\n}' UID=7 PPID=7"
              + " SHELLOPTS=noexec OPTIND=X newline=N chunk=C classes=D \"$@\"";
      List<String> command = new ArrayList<>(List.of("/bin/dash", "-c", shell, "env"));
      command.addAll(command(scheduler, "environment", own.toString()));
      Process process = started(command);

      assertThat(process.waitFor(90, TimeUnit.SECONDS)).isTrue();
      List<String> lines = Files.readAllLines(folder.resolve("out"));
      Files.delete(folder.resolve("out"));
      assertThat(lines)
          .contains(
              "SAME BYTES=<c3>( <ff>",
              "SAME BASH_FUNC_x%%=() { :'<0a>}",
              "SAME UID=7",
              "SAME PPID=7",
              "SAME SHELLOPTS=noexec",
              "SAME OPTIND=X",
              "SAME newline=N",
              "SAME chunk=C",
              "SAME classes=D");
      assertThat(lines)
          .filteredOn(line -> line.startsWith("LOST"))
          .allMatch(line -> line.matches("LOST (_|PWD|OLDPWD|SHLVL)=.*"));
      assertThat(lines)
          .filteredOn(line -> line.startsWith("ADDED"))
          .allMatch(
              line ->
                  line.matches("ADDED (_|PWD|OLDPWD|SHLVL|MPIPOOL_PARENT|MPIPOOL_STAND_IN.*)=.*"));
    }
  }

  @Test
  void localJobsEndWithTheirProgram() throws Exception {
    Process program = program("local", "waiting", folder.toString());
    awaitTasks();
    assertThat(workers()).isNotEmpty();

    program.destroyForcibly().waitFor();

    await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(workers()).isEmpty());
  }
}
