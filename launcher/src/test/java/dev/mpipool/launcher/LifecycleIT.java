package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** However a job ends: with the right exit code, in time, and with nothing left behind. */
@Execution(ExecutionMode.CONCURRENT)
class LifecycleIT {
  private static final Duration PROMISED = Duration.ofSeconds(5);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void allRanksRunAndTheJobEndsWithZero(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device).np(3).run(Script.class, "*:init", "*:sum", "*:finalize");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .containsExactlyInAnyOrder(
            "sum 3 at rank 0 of 3", "sum 3 at rank 1 of 3", "sum 3 at rank 2 of 3");
    assertThat(result.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void anExceptionInMainIsPrintedAsByJavaAndEndsTheJobWithOne(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .run(Script.class, "*:init", "*:barrier", "0:throw:boo", "*:receive");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .startsWith("Exception in thread \"main\" java.lang.IllegalStateException: boo");
    assertThat(result.err())
        .noneMatch(line -> line.contains("reflect") || line.contains("RankMain"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void theCodeOfSystemExitIsTheJobs(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device).np(3).run(Script.class, "*:init", "*:barrier", "0:exit:7", "*:receive");
    result.assertExitCode(7).assertNothingLeft();
    assertThat(result.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void mainReturningWithoutFinalizeEndsTheOthers(String device) {
    Mpjrun.Running job =
        Mpjrun.on(device).np(3).start(Script.class, "*:init", "*:say:in", "0:return", "*:spin");
    job.awaitLines("in", 3);
    long begin = System.nanoTime();
    job.result().assertExitCode(0).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(PROMISED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void finalizeWaitsForNoRankThatHasReturned(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .run(Script.class, "*:init", "*:barrier", "1:return", "*:finalize", "*:say:over");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactlyInAnyOrder("over 0", "over 2");
    assertThat(result.err()).isEmpty();
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void theOthersGoOnWhenMainHasFinalized(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .run(Script.class, "*:init", "*:finalize", "0:return", "*:sleep:7000", "*:say:late");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactlyInAnyOrder("late 1", "late 2");
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void aThreadOfMainKeepsTheRankAliveAsInJava(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(2)
            .run(Script.class, "*:init", "0:thread:3000", "0:return", "*:receive");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("thread of 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void anExceptionInAWorkerNamesTheRankAndEndsTheJobWithOne(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .run(Script.class, "*:init", "*:barrier", "2:throw:boo", "*:receive");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .anyMatch(line -> line.contains("java.lang.IllegalStateException: boo"));
    assertThat(result.err()).filteredOn(line -> line.startsWith("mpipool: rank 2")).hasSize(1);
    assertThat(result.took()).isLessThan(Duration.ofSeconds(10));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void aWorkersExitIsANormalEnd(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .run(Script.class, "*:init", "12:throwWorkersExit", "0:sleep:500", "0:say:done");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("done 0");
    assertThat(result.err()).noneMatch(line -> line.contains("Exit"));
  }

  @Test
  void aLostWorkerIsNamedToldAndEndsTheJob() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(3)
            .start(Script.class, "*:init", "*:lost", "*:say:ready", "*:wait")
            .awaitLines("ready", 3);
    long pid = job.rank(2).pid();
    long begin = System.nanoTime();
    job.signal("KILL", job.rank(2));
    Mpjrun.Result result = job.result().assertExitCode(1).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(8));
    assertThat(result.err())
        .contains("mpipool: rank 2 (pid " + pid + ") was lost: ended by signal 9 (SIGKILL)");
    assertThat(result.out())
        .contains(
            "0 heard of 2: ended by signal 9 (SIGKILL)",
            "1 heard of 2: ended by signal 9 (SIGKILL)");
  }

  @Test
  void mainKilledEndsTheOthers() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(3)
            .start(Script.class, "*:init", "*:say:ready", "*:spin")
            .awaitLines("ready", 3);
    long begin = System.nanoTime();
    job.signal("KILL", job.rank(0));
    Mpjrun.Result result = job.result().assertExitCode(137).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(PROMISED);
    assertThat(result.err())
        .anyMatch(line -> line.startsWith("mpipool: rank 0") && line.contains("SIGKILL"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"multicore INT 130", "multicore TERM 143", "niodev INT 130", "niodev TERM 143"})
  void aSignalToTheLauncherEndsAllRanks(String what) {
    String[] words = what.split(" ", 3);
    Mpjrun.Running job =
        Mpjrun.on(words[0])
            .np(3)
            .options("-hook-timeout", "1")
            .start(Script.class, "*:init", "1:hook", "*:say:ready", "*:wait")
            .awaitLines("ready", 3);
    long begin = System.nanoTime();
    job.signal(words[1], job.launcher());
    Mpjrun.Result result =
        job.result().assertExitCode(Integer.parseInt(words[2])).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(PROMISED);
    assertThat(result.err()).noneMatch(line -> line.contains("lost"));
  }

  @ParameterizedTest
  @CsvSource({
    "tcpdev,INT,130,true",
    "tcpdev,TERM,143,false",
    "niodev,TERM,143,true",
    "multicore,INT,130,false",
    "multicore,TERM,143,true",
    "ssh,INT,130,true"
  })
  void shutdownHooksHaveTimeAfterASignal(String where, String signal, int code, boolean toAll)
      throws IOException {
    boolean ssh = where.equals("ssh");
    Mpjrun run = Mpjrun.on(ssh ? "tcpdev" : where).np(3).ownGroup();
    if (ssh) {
      run.options(
              "-machinesfile", Files.writeString(folder.resolve("hosts"), "127.0.0.2").toString())
          .environment("MPIPOOL_SSH", fakeSsh().toString());
    }
    Mpjrun.Running job =
        run.start(
                Script.class,
                "*:init",
                "*:saves:" + folder.resolve("file"),
                "*:say:ready",
                "*:wait")
            .awaitLines("ready", 3);
    if (toAll) {
      job.signalGroup(signal);
    } else {
      job.signal(signal, job.launcher());
    }
    Mpjrun.Result result = job.result().assertExitCode(code).assertNothingLeft();
    assertThat(result.out()).contains("saved file0", "saved file1", "saved file2").hasSize(6);
    for (int rank = 0; rank < 3; rank++) {
      assertThat(folder.resolve("file" + rank)).hasContent("saved");
    }
    assertThat(result.err()).isEmpty();
  }

  /**
   * A command that runs another where no terminal reaches it, and through which its output comes.
   */
  private Path fakeSsh() throws IOException {
    Path script =
        Files.writeString(
            folder.resolve("ssh"),
            "#!/bin/sh\nsetsid env --default-signal=HUP,INT,TERM sh -c \"$2\" | cat\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    return script;
  }

  @Test
  void aSecondInterruptEndsHooksAtOnce() {
    Mpjrun.Running job =
        Mpjrun.on("tcpdev")
            .np(2)
            .options("-hook-timeout", "100")
            .start(Script.class, "*:init", "*:hook", "*:say:ready", "*:wait")
            .awaitLines("ready", 2);
    await()
        .pollInterval(Duration.ofSeconds(1))
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              if (job.launcher().isAlive()) {
                job.signal("INT", job.launcher());
              }
              return !job.launcher().isAlive();
            });
    job.result().assertExitCode(130).assertNothingLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void ranksHaltWhenTheLauncherIsKilledEvenBusyOnes(String device) {
    Mpjrun.Running job =
        Mpjrun.on(device)
            .np(3)
            .start(Script.class, "*:init", "*:hook", "*:say:ready", "1:spin", "*:wait")
            .awaitLines("ready", 3);
    job.signal("KILL", job.launcher());
    job.result().assertExitCode(137);
    job.assertNothingLeft(PROMISED);
  }

  @Test
  void aStoppedRankHaltsWhenItGoesOnAndTheLauncherIsGone() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(2)
            .start(Script.class, "*:init", "*:say:ready", "*:wait")
            .awaitLines("ready", 2);
    ProcessHandle stopped = job.rank(1);
    job.signal("STOP", stopped).signal("KILL", job.launcher());
    job.result();
    job.signal("CONT", stopped).assertNothingLeft(PROMISED);
  }

  @Test
  void aStoppedRankIsEndedWithMain() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(2)
            .start(Script.class, "*:init", "*:say:ready", "0:sleep:1500", "0:exit:3", "*:wait")
            .awaitLines("ready", 2);
    job.signal("STOP", job.rank(1)).result().assertExitCode(3).assertNothingLeft();
  }

  @Test
  void aRankThatEndsBeforeItJoinsEndsTheOthersThatWaitForIt() {
    Mpjrun.Result result = Mpjrun.on("niodev").np(3).run(Script.class, "1:return", "*:init");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .contains(
            "mpipool: rank 1 (on localhost) did not join the job: ended without MPI.Init, where"
                + " other ranks wait for it");
  }

  @Test
  void whoAsksLateHearsOfALostRankToo() {
    Mpjrun.Result result =
        Mpjrun.on("niodev")
            .np(2)
            .run(Script.class, "1:halt:5", "0:sleep:1500", "0:lost", "0:sleep:500", "0:say:done");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.out()).containsExactly("0 heard of 1: ended with exit code 5", "done 0");
  }

  @Test
  void theOthersEndAlsoWhileAShutdownHookOfMainHangs() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(2)
            .options("-hook-timeout", "1")
            .start(Script.class, "*:init", "0:hook", "*:say:ready", "0:throw:boo", "*:wait")
            .awaitLines("ready", 2);
    ProcessHandle other = job.rank(1);
    assertThat(other.onExit()).succeedsWithin(PROMISED);
    job.signal("TERM", job.launcher()).result().assertExitCode(143).assertNothingLeft();
  }

  @Test
  void aKeyboardInterruptThatReachesAllIsNoLoss() {
    Mpjrun.Running job =
        Mpjrun.on("niodev")
            .np(3)
            .start(Script.class, "*:init", "*:say:ready", "*:wait")
            .awaitLines("ready", 3);
    job.ranks().forEach(rank -> job.signal("INT", rank));
    Mpjrun.Result result =
        job.signal("INT", job.launcher()).result().assertExitCode(130).assertNothingLeft();
    assertThat(result.err()).noneMatch(line -> line.startsWith("mpipool"));
  }
}
