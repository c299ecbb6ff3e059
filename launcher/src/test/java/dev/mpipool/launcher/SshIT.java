package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ranks on other hosts, which are several addresses of this one, behind an sshd of the test's own.
 */
class SshIT {
  private static final Path SSHD = Path.of("/usr/sbin/sshd");
  private static Process sshd;
  private static String ssh;

  @TempDir static Path folder;

  @BeforeAll
  static void startSshd() throws Exception {
    Assumptions.assumeTrue(
        Files.isExecutable(SSHD) && System.getProperty("user.name").equals("root"),
        "an sshd of its own needs openssh-server and root");
    Files.createDirectories(Path.of("/run/sshd"));
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.resolve("host").toString());
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.resolve("user").toString());
    int port = freePort();
    Files.write(
        folder.resolve("sshd_config"),
        List.of(
            "Port " + port,
            "ListenAddress 127.0.0.2",
            "ListenAddress 127.0.0.3",
            "HostKey " + folder.resolve("host"),
            "AuthorizedKeysFile " + folder.resolve("user.pub"),
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "MaxStartups 50",
            "PermitRootLogin yes"));
    Files.write(
        folder.resolve("ssh_config"),
        List.of(
            "Host *",
            "Port " + port,
            "IdentityFile " + folder.resolve("user"),
            "BatchMode yes",
            "LogLevel ERROR",
            "UserKnownHostsFile /dev/null",
            "StrictHostKeyChecking no"));
    ssh = "ssh -F " + folder.resolve("ssh_config");
    sshd =
        new ProcessBuilder(SSHD.toString(), "-D", "-f", folder.resolve("sshd_config").toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("sshd.log").toFile())
            .start();
    await().atMost(Duration.ofSeconds(10)).until(() -> listens("127.0.0.2", port));
  }

  @AfterAll
  static void stopSshd() throws InterruptedException {
    if (sshd != null) {
      sshd.destroy();
      sshd.waitFor(5, TimeUnit.SECONDS);
    }
  }

  @Test
  void ranksOfSeveralHostsFormOneWorldAndTheirArgumentsArriveUntouched() throws IOException {
    String nasty = "it's \"$HOME\" `date` \\ !x * ; & ü";
    Path strange = Files.createDirectories(folder.resolve("a folder; 'with' $(things)"));
    Mpjrun.Result result =
        on("# the hosts", "", "127.0.0.2  # first", "127.0.0.3")
            .np(3)
            .options("-tag-output", "-wdir", strange.toString(), "-Dnasty=" + nasty)
            .run(
                Script.class,
                "*:init",
                "*:sum",
                "1:property:nasty",
                "2:property:user.dir",
                "1:say:" + nasty,
                "*:finalize");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .containsExactlyInAnyOrder(
            "[0] sum 3 at rank 0 of 3",
            "[1] sum 3 at rank 1 of 3",
            "[2] sum 3 at rank 2 of 3",
            "[1] nasty=" + nasty,
            "[1] " + nasty + " 1",
            "[2] user.dir=" + strange.toRealPath());
  }

  @Test
  void ranksOfThisHostAndAnotherMeet() throws IOException {
    Mpjrun.Result result =
        on("localhost", "127.0.0.3").np(2).run(Script.class, "*:init", "*:sum", "*:finalize");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).hasSize(2).allMatch(line -> line.startsWith("sum 1"));
  }

  @Test
  void mainOnAnotherHostReadsTheInputAndGivesTheExitCode() throws IOException {
    Mpjrun.Result result =
        on("127.0.0.2", "127.0.0.3")
            .np(2)
            .input("a\nb\n")
            .run(Script.class, "*:init", "0:cat", "0:exit:7", "*:receive");
    result.assertExitCode(7);
    assertThat(result.out()).containsExactly("rank 0 read a", "rank 0 read 2 lines");
    result.assertNothingLeft();
  }

  @Test
  void theSecretIsOnNoCommandLine() throws IOException {
    Mpjrun.Running job =
        on("127.0.0.2", "localhost")
            .np(2)
            .start(Script.class, "*:property:mpipool.secret", "*:wait")
            .awaitLines("secret", 2);
    String secret = job.out().get(0).substring("mpipool.secret=".length());
    assertThat(secret).matches("[0-9a-f]{64}");
    List<String> lines =
        ProcessHandle.allProcesses()
            .map(handle -> commandLine(handle.pid()))
            .filter(line -> line.contains(secret))
            .toList();
    job.signal("TERM", job.launcher()).result().assertExitCode(143).assertNothingLeft();
    assertThat(lines).isEmpty();
  }

  @Test
  void ranksOfOtherHostsHaltWhenTheLauncherIsKilled() throws IOException {
    Mpjrun.Running job =
        on("127.0.0.2", "127.0.0.3")
            .np(3)
            .start(Script.class, "*:init", "*:hook", "*:say:ready", "*:spin")
            .awaitLines("ready", 3);
    job.signal("KILL", job.launcher()).result();
    job.assertNothingLeft(Duration.ofSeconds(5));
  }

  @Test
  void aLostRankIsNamedWithItsHost() throws IOException {
    Mpjrun.Running job =
        on("127.0.0.2", "127.0.0.3")
            .np(2)
            .start(Script.class, "*:init", "*:say:ready", "*:wait")
            .awaitLines("ready", 2);
    Mpjrun.Result result =
        job.signal("KILL", job.rank(1)).result().assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .contains("mpipool: rank 1 (on 127.0.0.3) was lost: not reached by ssh, or killed");
  }

  @Test
  void aHostThatCannotBeReachedEndsTheJob() throws IOException {
    Mpjrun.Result result = on("127.0.0.2", "127.0.0.4").np(2).run(Script.class, "*:init");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .anyMatch(
            line ->
                line.startsWith(
                    "mpipool: rank 1 (on 127.0.0.4) did not join the job: ssh failed before"));
  }

  private static Mpjrun on(String... hosts) throws IOException {
    Path machines = Files.createTempFile(folder, "machines", "");
    Files.write(machines, List.of(hosts));
    return Mpjrun.on("niodev")
        .options("-machinesfile", machines.toString())
        .environment("MPIPOOL_SSH", ssh);
  }

  private static void run(String... command) throws Exception {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static boolean listens(String host, int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(host, port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static String commandLine(long pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
