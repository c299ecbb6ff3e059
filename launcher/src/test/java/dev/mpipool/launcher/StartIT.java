package dev.mpipool.launcher;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever keeps a rank from joining ends the job, with one line that says so. */
@Execution(ExecutionMode.CONCURRENT)
class StartIT {
  /** Five seconds are promised; this machine may be busy. */
  private static final Duration PROMISED = Duration.ofSeconds(15);

  private static final String HERE = "1 \\(on localhost\\)";
  private static final String KILLED = "ended by signal 9 \\(SIGKILL\\)";

  @TempDir static Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          tcpdev    | kill    | ended by signal 9 \\(SIGKILL\\)
          tcpdev    | halt:3  | ended with exit code 3
          tcpdev    | exit:3  | ended with.*
          tcpdev    | throw:x | its main threw an exception
          tcpdev    | return  | ended without MPI.Init, where other ranks wait for it
          niodev    | kill    | ended by signal 9 \\(SIGKILL\\)
          niodev    | halt:3  | ended with exit code 3
          multicore | return  | ended without MPI.Init, where other ranks wait for it
          """)
  void aRankThatEndsBeforeItsInitEndsTheJob(String device, String end, String reason) {
    Mpjrun.Running job =
        Mpjrun.on(device).np(3).start(Script.class, "02:init", "1:sleep:500", "1:" + end);
    assertOneLine(job, HERE, reason);
  }

  @Test
  void aRankThatEndsAsTheOthersAreStillBusyEndsTheJobToo() {
    Mpjrun.Running job = Mpjrun.on("tcpdev").np(3).start(Script.class, "1:halt:3", "*:wait");
    assertOneLine(job, HERE, "ended with exit code 3");
  }

  @Test
  void aRankThatIsKilledWhileItWaitsForTheOthersEndsTheJob() {
    Mpjrun.Running job =
        Mpjrun.on("tcpdev").np(3).start(Script.class, "*:say:here", "01:init", "*:wait");
    job.awaitLines("here", 3);
    await()
        .atMost(Duration.ofSeconds(30))
        .ignoreExceptions()
        .until(() -> stack(job.rank(1)).contains("LauncherLink.join"));
    job.signal("KILL", job.rank(1));
    assertOneLine(job, HERE, KILLED);
  }

  @ParameterizedTest
  @CsvSource({"exit:7, 7", "halt:4, 4", "exit:0, 0"})
  void mainsOwnEarlyEndIsTheExitCode(String end, int code) {
    Mpjrun.on("tcpdev")
        .np(3)
        .run(Script.class, "0:sleep:500", "0:" + end, "*:init")
        .assertExitCode(code)
        .assertNothingLeft();
  }

  @Test
  void ranksWithoutMpiMayEndOneAfterTheOther() {
    Mpjrun.Result result =
        Mpjrun.on("tcpdev").np(3).run(Script.class, "1:return", "2:exit:0", "0:sleep:1500");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          127.0.0.5 | 60 | ssh failed before it reached the launcher: Connection refused
          127.0.0.6 | 2  | it did not reach the launcher within 2 s \\(-start-timeout\\)
          127.0.0.7 | 60 | ended with exit code 127 before it reached the launcher: .*/no/java.*
          127.0.0.8 | 60 | ended with exit code [12] before it reached the launcher: .*/no/folder.*
          127.0.0.9 | 60 | ended with exit code 1 before it reached the launcher: Could not reserve.*
          """)
  void aHostOnWhichNoRankCanStartEndsTheJob(String host, int timeout, String reason)
      throws IOException {
    Mpjrun.Running job =
        overSsh("127.0.0.2", host)
            .np(2)
            .options("-start-timeout", Integer.toString(timeout))
            .start(Script.class, "*:init");
    assertOneLine(job, "1 \\(on " + host + "\\)", reason);
  }

  @Test
  void aLauncherThatCanStartNoMoreProcessesSaysSo() throws IOException {
    Path limited =
        script(
            "limited",
            "ulimit -n 64",
            "exec '" + Mpjrun.home().resolve("bin/mpjrun.sh") + "' \"$@\"");
    Mpjrun.Running job =
        Mpjrun.on("tcpdev")
            .np(40)
            .options("-Xmx32m")
            .script(limited)
            .start(Script.class, "*:init", "*:finalize");
    assertOneLine(
        job,
        "\\d+ \\(on localhost\\)",
        "its process could not be started: .*(open files|spawn helper).*");
  }

  /** The ranks wait with their links until the launcher has no descriptor left. */
  @Test
  void aLauncherThatCanTakeUpNoLinkSaysSo() throws Exception {
    Path go = folder.resolve("full");
    Mpjrun.Running job =
        overSsh("127.0.0.4")
            .np(6)
            .options("-Xmx32m")
            .environment("GO", go.toString())
            .start(Script.class, "*:init", "*:finalize");
    await()
        .atMost(Duration.ofSeconds(30))
        .ignoreExceptions()
        .until(() -> stack(job.launcher()).contains("Job.next"));
    String pid = Long.toString(job.launcher().pid());
    int unused = 0;
    for (int i = 0; i < 256; i++) { // above the one in reserve, /dev/null
      Path descriptor = Path.of("/proc", pid, "fd", Integer.toString(i));
      if (Files.exists(descriptor, NOFOLLOW_LINKS)
          && Files.readSymbolicLink(descriptor).endsWith("null")) {
        unused = i + 1;
      }
    }
    while (Files.exists(Path.of("/proc", pid, "fd", Integer.toString(unused)), NOFOLLOW_LINKS)) {
      unused++;
    }
    ProcessBuilder limit = new ProcessBuilder("prlimit", "--pid=" + pid, "--nofile=" + unused);
    assertThat(limit.inheritIO().start().waitFor()).isZero();
    Files.createFile(go);
    assertOneLine(
        job,
        "[0-5] \\(on 127.0.0.4\\)",
        "the launcher cannot take up its link: Too many open files.*");
  }

  /** They are there before the ranks are linked, and while these wait for each other. */
  @Test
  void twoThousandStrangersAtTheLaunchersPortKeepNoRankOut() throws IOException {
    Path go = folder.resolve("go");
    Mpjrun.Running job =
        overSsh("127.0.0.2", "127.0.0.4")
            .np(2)
            .environment("GO", go.toString())
            .start(Script.class, "*:say:here", "*:init", "*:sum", "*:finalize");
    job.awaitLine("here 0");
    String line = Files.readString(Path.of("/proc/" + job.rank(0).pid() + "/cmdline"));
    assertThat(line).as("a port that asks for no secret").doesNotContain("#Server Port");
    Matcher port = Pattern.compile("-Dmpipool\\.launcher=([\\d.]+):(\\d+)").matcher(line);
    assertThat(port.find()).isTrue();
    InetSocketAddress launcher =
        new InetSocketAddress(port.group(1), Integer.parseInt(port.group(2)));
    List<SocketChannel> strangers = new ArrayList<>();
    try {
      for (int i = 0; i < 2000; i++) {
        SocketChannel stranger = SocketChannel.open();
        strangers.add(stranger);
        stranger.configureBlocking(false);
        stranger.connect(launcher);
      }
      Files.createFile(go);
      Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
      assertThat(result.out()).contains("sum 1 at rank 0 of 2", "sum 1 at rank 1 of 2");
    } finally {
      for (SocketChannel stranger : strangers) {
        stranger.close();
      }
    }
  }

  private static void assertOneLine(Mpjrun.Running job, String place, String reason) {
    Pattern line =
        Pattern.compile(
            Pattern.quote("mpipool: rank ") + place + " did not join the job: " + reason);
    await()
        .atMost(Duration.ofSeconds(40))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> job.err().stream().anyMatch(each -> line.matcher(each).matches()));
    long begin = System.nanoTime();
    Mpjrun.Result result = job.result().assertExitCode(1).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(PROMISED);
    assertThat(result.err()).filteredOn(each -> each.startsWith("mpipool: ")).hasSize(1);
  }

  /** Hosts behind a command in the place of ssh: some are as they should be. */
  private static Mpjrun overSsh(String... hosts) throws IOException {
    Path ssh =
        script(
            "ssh",
            "case $1 in",
            "127.0.0.4) while [ ! -e \"$GO\" ]; do sleep 0.1; done ;;",
            "127.0.0.5) echo 'Connection refused' >&2; exit 255 ;;",
            "127.0.0.6) exec sleep 1000 ;;",
            "127.0.0.7) exec sh -c \"$(echo \"$2\" | sed 's,[^ ]*/bin/java ,/no/java ,')\" ;;",
            "127.0.0.8) exec sh -c \"$(echo \"$2\" | sed 's,^cd [^ ]*,cd /no/folder,')\" ;;",
            "127.0.0.9) ulimit -v 400000 ;;",
            "esac",
            "exec sh -c \"$2\"");
    Path machines = Files.createTempFile(folder, "machines", "");
    Files.write(machines, List.of(hosts));
    return Mpjrun.on("tcpdev")
        .options("-machinesfile", machines.toString())
        .environment("MPIPOOL_SSH", ssh.toString());
  }

  private static Path script(String name, String... lines) throws IOException {
    Path file = Files.createTempFile(folder, name, "");
    List<String> all = new ArrayList<>(List.of("#!/bin/sh"));
    all.addAll(List.of(lines));
    Files.write(file, all);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
  }

  private static String stack(ProcessHandle process) throws IOException {
    Process jstack =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jstack").toString(),
                Long.toString(process.pid()))
            .redirectErrorStream(true)
            .start();
    return new String(jstack.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
