package dev.mpipool.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.MPIRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real signals to a process. */
@Timeout(60)
class TerminationTest {

  private static final int TERMINATED = 143;

  @TempDir Path folder;

  private Process process;

  /** Does what its arguments say, and waits until it is ended. */
  public static final class Program {
    private Program() {}

    public static void main(String[] args) throws InterruptedException {
      for (String each : args) {
        switch (each) {
          case "listen" -> Termination.listen();
          case "action" -> MPIRuntime.onTermination(() -> System.out.println("action"));
          case "again" -> Termination.add(() -> System.out.println("again"), true);
          case "removed" -> Termination.add(() -> System.out.println("removed"), true).run();
          case "fails" -> MPIRuntime.onTermination(Program::fail);
          case "hangs" -> MPIRuntime.onTermination(Program::hang);
          case "late" ->
              MPIRuntime.onTermination(
                  () -> MPIRuntime.onTermination(() -> System.out.println("late")));
          case "hook" ->
              Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
          default -> throw new IllegalArgumentException(each);
        }
      }
      System.out.println("ready");
      new CountDownLatch(1).await();
    }

    private static void fail() {
      throw new IllegalStateException("of the action");
    }

    private static void hang() {
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void start(String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "env", // a build in a shell's background ignores Ctrl-C, and so do its children
                "--default-signal=INT",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName()));
    command.addAll(List.of(arguments));
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("out").toFile())
            .start();
    await().until(() -> lines().contains("ready"));
  }

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  private List<String> lines() throws IOException {
    return Files.readAllLines(folder.resolve("out"));
  }

  private void signal(String name) throws Exception {
    List<String> kill = List.of("kill", "-" + name, Long.toString(process.pid()));
    assertThat(new ProcessBuilder(kill).inheritIO().start().waitFor()).isZero();
  }

  private void assertEnds(int code) throws Exception {
    assertThat(process.waitFor(40, TimeUnit.SECONDS)).as("ends").isTrue();
    assertThat(process.exitValue()).isEqualTo(code);
  }

  @Test
  void anAnnouncementRunsActionsOnceAndTheProcessGoesOn() throws Exception {
    start("action", "again", "removed");
    signal("USR1");
    await().until(() -> lines().size() == 3);
    signal("USR1");
    signal("TERM");
    assertEnds(TERMINATED);
    assertThat(lines()).containsExactlyInAnyOrder("ready", "action", "again", "again");
  }

  @Test
  void theEndRunsActionsBeforeTheHooks() throws Exception {
    start("hook", "action");
    signal("TERM");
    assertEnds(TERMINATED);
    assertThat(lines()).containsExactly("ready", "action", "hook");
  }

  @Test
  void ctrlCRunsThemToo() throws Exception {
    start("action");
    signal("INT");
    assertEnds(130);
    assertThat(lines()).containsExactly("ready", "action");
  }

  @Test
  void aSecondSignalAtTheSameTimeWaitsForAllActions() throws Exception {
    int actions = 500;
    start(Collections.nCopies(actions, "action").toArray(String[]::new));
    String both = "kill -TERM %1$d; kill -INT %1$d".formatted(process.pid());
    assertThat(new ProcessBuilder("sh", "-c", both).inheritIO().start().waitFor()).isZero();
    assertThat(process.waitFor(40, TimeUnit.SECONDS)).as("ends").isTrue();
    assertThat(process.exitValue()).isIn(TERMINATED, 130);
    assertThat(lines()).hasSize(1 + actions);
  }

  @Test
  void anActionThatFailsKeepsNoOtherFromRunning() throws Exception {
    start("fails", "action");
    signal("TERM");
    assertEnds(TERMINATED);
    assertThat(lines()) // the one may be printed in the middle of the other
        .anyMatch(line -> line.endsWith("action"))
        .anyMatch(line -> line.contains("IllegalStateException: of the action"));
  }

  @Test
  void anActionThatComesLateRunsAtOnce() throws Exception {
    start("late");
    signal("USR1");
    await().until(() -> lines().contains("late"));
  }

  @Test
  void aProcessThatOnlyListensGoesOn() throws Exception {
    start("listen");
    signal("USR1");
    signal("USR1");
    assertThat(process.waitFor(200, TimeUnit.MILLISECONDS)).as("ends").isFalse();
    signal("TERM");
    assertEnds(TERMINATED);
  }

  @Test
  @Tag("slow")
  void anActionThatHangsDelaysTheEndByHalfAMinuteOnly() throws Exception {
    start("hangs");
    signal("TERM");
    assertEnds(TERMINATED);
  }
}
