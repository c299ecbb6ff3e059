package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.Terminated;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program hears that it is to end, and before: SIGTERM and SIGUSR1 to the launcher. */
@Execution(ExecutionMode.CONCURRENT)
class TerminationIT {
  private static final Duration MOMENT = Duration.ofSeconds(5);

  @TempDir Path folder;

  private Mpjrun.Running ready(Mpjrun job, int times, String name) {
    return job.start(Terminated.class, folder.toString(), name).awaitLines("ready", times);
  }

  private static Mpjrun on(String device) {
    return device.equals("alone")
        ? Mpjrun.plain()
            .script(Path.of(System.getProperty("java.home"), "bin", "java"))
            .classPath(Mpjrun.classes() + ":" + Mpjrun.home().resolve("examples/target/lib/*"))
        : Mpjrun.on(device).np(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void mainHearsOfAnAnnouncementAndItsWorkersStay(String device) {
    Mpjrun.Running job = ready(on(device), 1, "announced");
    Mpjrun.Result result = job.signal("USR1", job.launcher()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("ready", "answered 42");
    assertThat(result.err()).allMatch(line -> line.endsWith("Forwarding signal 10 to job"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void mainHearsOfItsEnd(String device) {
    assertSaved(device, "ended");
  }

  private void assertSaved(String device, String program) {
    Mpjrun.Running job = ready(on(device), 1, program);
    Mpjrun.Result result = job.signal("TERM", job.launcher()).result().assertExitCode(143);
    job.assertNothingLeft(MOMENT);
    assertThat(result.out()).containsExactly("ready", "saved");
  }

  /** In multicore mode and alone the workers live as long as main's process. */
  @ParameterizedTest
  @ValueSource(strings = {"niodev", "tcpdev"})
  void mainsActionIsNotCutOffByTheEndOfItsWorkers(String device) {
    assertSaved(device, "slow");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aWorkersActionIsNotCutOffByItsRelease(String device) {
    Mpjrun.Running job = ready(on(device), 3, "slowWorker");
    Mpjrun.Result result = job.signal("USR1", job.launcher()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).filteredOn("saved"::equals).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aSecondInterruptWaitsForNoAction(String device) {
    Mpjrun.Running job = ready(on(device), 1, "stuck");
    job.signal("INT", job.launcher());
    await().until(() -> job.out().contains("told"));
    // The first second after an interrupt another one may be the same, sent to a group.
    await().pollDelay(Duration.ofSeconds(1)).until(() -> job.launcher().isAlive());
    long begin = System.nanoTime();
    job.signal("INT", job.launcher()).result().assertExitCode(130);
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(7));
    job.assertNothingLeft(MOMENT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void ranksWithoutAnActionGoOn(String device) throws IOException {
    Path pipe = folder.resolve("pipe");
    command("mkfifo", pipe.toString());
    Path script = folder.resolve("run");
    Files.write(
        script,
        List.of(
            "#!/bin/sh",
            "exec '" + Mpjrun.home().resolve("bin/mpjrun.sh") + "' \"$@\" < '" + pipe + "'"));
    assertThat(script.toFile().setExecutable(true)).isTrue();
    Mpjrun.Running job =
        Mpjrun.on(device).np(3).script(script).start(Terminated.class, folder.toString(), "none");
    try (var input = Files.newOutputStream(pipe)) {
      job.awaitLine("ready").signal("USR1", job.launcher());
      input.write('x');
    }
    Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("ready", "read 120", "answered 42");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void everyRankHearsThatHasAnAction(String device) {
    Mpjrun.Running job = ready(on(device), 3, "everyRank");
    Mpjrun.Result result = job.signal("USR1", job.launcher()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).contains("told 0", "told 1", "told 2").hasSize(6);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void whatIsAnnouncedBeforeTheRanksMeetIsHeard(String device) throws IOException {
    Mpjrun.Running job = ready(on(device), 3, "early");
    job.signal("USR1", job.launcher());
    Files.createFile(folder.resolve("go"));
    Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).filteredOn("told"::equals).hasSize(3);
  }

  /** There the announcement is a signal, for which no rank has a handler yet. */
  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void whatIsAnnouncedBeforeTheRanksMeetEndsNoRank(String device) throws IOException {
    Mpjrun.Running job = ready(on(device), 3, "early");
    job.signal("USR1", job.launcher());
    Files.createFile(folder.resolve("go"));
    job.result().assertExitCode(0).assertNothingLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void mainHearsWhileItClosesItsPool(String device) {
    Mpjrun.Running job = ready(on(device), 1, "closing");
    Mpjrun.Result result = job.signal("USR1", job.launcher()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("ready", "closed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void ranksHearAfterTheEndOfMpi(String device) {
    Mpjrun.Running job = ready(on(device), 3, "after");
    Mpjrun.Result result = job.signal("USR1", job.launcher()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).filteredOn("told"::equals).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "tcpdev"})
  void aCachedBatchSaysHowFarItGot(String device) {
    Mpjrun.Running job = ready(on(device), 1, "batch");
    String saved = "mpipool: " + folder.resolve("cache") + ": 3 results are saved";
    job.signal("USR1", job.launcher());
    await().until(() -> job.err().contains(saved));
    Mpjrun.Result result = job.signal("TERM", job.launcher()).result().assertExitCode(143);
    assertThat(result.err()).containsExactly(saved, saved);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev"})
  void aMapSaysHowFarItGot(String device) {
    Mpjrun.Running job = ready(on(device), 2, "tasker");
    Mpjrun.Result result = job.signal("TERM", job.launcher()).result().assertExitCode(143);
    assertThat(result.err())
        .singleElement()
        .asString()
        .matches("mpipool: .*/map\\.mpi: [345] of 100 results are saved");
  }

  /** A signal to the command that leads to another host would not get through. */
  @Test
  void aRankOnAnotherHostHears() throws IOException {
    Path ssh = folder.resolve("ssh");
    Files.writeString(ssh, "#!/bin/sh\nsetsid sh -c \"$2\" | cat\n");
    assertThat(ssh.toFile().setExecutable(true)).isTrue();
    for (String signal : List.of("USR1", "TERM")) {
      Mpjrun.Running job =
          ready(
              Mpjrun.on("tcpdev")
                  .options("-hosts", "127.0.0.2,127.0.0.3")
                  .environment("MPIPOOL_SSH", ssh.toString()),
              2,
              "everyRank");
      Mpjrun.Result result = job.signal(signal, job.launcher()).result();
      result.assertExitCode(signal.equals("USR1") ? 0 : 143);
      job.assertNothingLeft(MOMENT);
      assertThat(result.out()).contains("told 0", "told 1").hasSize(4);
    }
  }

  private static void command(String... command) throws IOException {
    try {
      assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
