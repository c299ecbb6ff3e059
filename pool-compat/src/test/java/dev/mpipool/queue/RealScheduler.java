package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * A real scheduler of one node, and the user who submits to it. Needs root, Debian's packages, and
 * to be asked for: {@code -Dmpipool.test.schedulers=true}.
 */
final class RealScheduler {

  private static final String USER = "mpipool-test";
  private static final Duration LONGEST_COMMAND = Duration.ofMinutes(2);

  private final Path script;
  private final String environment;

  /** What the user may read: the class path, and folders of its own. */
  private final Path stage;

  private RealScheduler(Path script, String environment, Path stage) {
    this.script = script;
    this.environment = environment;
    this.stage = stage;
  }

  /** Starts one, or leaves the test out and says why. */
  static RealScheduler start(String name, String daemon) throws Exception {
    Assumptions.assumeTrue(
        Boolean.getBoolean("mpipool.test.schedulers"),
        name + ": not asked for; -Dmpipool.test.schedulers=true does, on a machine for tests");
    Assumptions.assumeTrue(
        System.getProperty("user.name").equals("root"), name + " can only be started by root");
    Assumptions.assumeTrue(
        Files.isExecutable(Path.of("/usr/sbin", daemon)),
        "%s is not installed; src/test/scripts/%s.sh install does that".formatted(name, name));
    Path script = Path.of("src/test/scripts", name + ".sh").toAbsolutePath();
    List<String> said = command(script.toString(), "start").lines().toList();
    if (!command("cat", "/etc/passwd").contains(USER + ":")) {
      command("useradd", "--create-home", USER);
    }
    String environment =
        name.equals("slurm") ? said.get(said.size() - 1) : "SGE_ROOT=/var/lib/gridengine";
    Path stage = Files.createTempDirectory(Path.of("/tmp"), "mpipool-" + name);
    int number = 0;
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (!entry.isEmpty() && Files.exists(Path.of(entry))) {
        String ending = entry.endsWith(".jar") ? ".jar" : "";
        command("cp", "-r", entry, stage.resolve(number++ + ending).toString());
      }
    }
    command("chown", "-R", USER, stage.toString());
    return new RealScheduler(script, environment, stage);
  }

  /** Ends what answers to users; jobs go on. */
  void stopController() throws Exception {
    command(script.toString(), "stop-controller");
  }

  void startController() throws Exception {
    command(script.toString(), "start-controller");
  }

  /** What a program printed, and how it ended. */
  record Run(Process process, Path folder, Path out) {

    String text() {
      try {
        return Files.readString(out);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Lets the tasks end that wait for it. */
    void release() throws IOException {
      Files.createFile(folder.resolve("go"));
    }

    /** The sum of the results. */
    Run assertResult(int sum) throws InterruptedException {
      boolean ended = process.waitFor(200, TimeUnit.SECONDS);
      assertThat(text()).contains("RESULT " + sum + "\n");
      assertThat(ended).isTrue();
      return this;
    }

    Run assertSaid(String text) {
      assertThat(text()).contains(text);
      return this;
    }

    Run assertNeverSaid(String text) {
      assertThat(text()).doesNotContain(text);
      return this;
    }
  }

  /** Starts {@link QueueProgram} as the user. */
  Run program(String scheduler, String scenario) throws IOException {
    Path out = stage.resolve("%s-%s.out".formatted(scheduler, scenario));
    Path folder = stage.resolve(scheduler + "-" + scenario);
    List<String> classPath;
    try (Stream<Path> entries = Files.list(stage)) {
      classPath =
          entries
              .map(Path::toString)
              .filter(entry -> entry.matches(".*/\\d+(\\.jar)?"))
              .sorted()
              .toList();
    }
    List<String> command = new ArrayList<>(asUser());
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Dqueue.array=" + Integer.getInteger("mpipool.test.array", 60),
            "-cp",
            String.join(File.pathSeparator, classPath),
            QueueProgram.class.getName(),
            scheduler,
            scenario,
            folder.toString()));
    Process process =
        new ProcessBuilder(command)
            .directory(stage.toFile())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(out.toFile()))
            .start();
    return new Run(process, folder, out);
  }

  private List<String> asUser() {
    return List.of("runuser", "-u", USER, "--", "env", environment);
  }

  /** What of the user is in the queue, and what workers live: a line each. */
  String left() throws Exception {
    List<String> query = new ArrayList<>(asUser());
    query.addAll(
        environment.startsWith("SLURM")
            ? List.of("squeue", "--noheader", "--all")
            : List.of("qstat", "-u", "*"));
    String workers =
        String.join(
            "\n",
            ProcessHandle.allProcesses()
                .map(process -> process.info().commandLine().orElse(""))
                .filter(line -> line.contains(stage.toString()))
                .toList());
    return command(query.toArray(new String[0])) + workers;
  }

  private static String command(String... command) throws Exception {
    return Command.run(List.of(command), LONGEST_COMMAND);
  }

  void stop() throws Exception {
    command(script.toString(), "stop");
    command("rm", "-rf", stage.toString());
  }
}
