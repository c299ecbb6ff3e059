package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What bin/mpjrun.sh -check says of good hosts and bad ones. */
class CheckIT {
  @TempDir Path folder;

  private Mpjrun check(String host) throws IOException {
    Path ssh = folder.resolve("ssh");
    Files.writeString(
        ssh,
        """
        #!/bin/sh
        case $1 in
        127.0.0.5) echo 'Connection refused' >&2; exit 255 ;;
        127.0.0.7) exec sh -c "$(echo "$2" | sed 's,[^ (]*/bin/java ,/no/java ,')" ;;
        127.0.0.8) exec sh -c "$(echo "$2" | sed 's,date +,date -d yesterday +,; s,/dev/tcp/[^ ]*,/dev/tcp/127.0.0.1/1'\\'',')" ;;
        esac
        exec sh -c "$2"
        """);
    Files.setPosixFilePermissions(ssh, PosixFilePermissions.fromString("rwx------"));
    return Mpjrun.plain()
        .options("-check", "-hosts", host)
        .environment("MPIPOOL_SSH", ssh.toString());
  }

  @Test
  void aHostWithAllThatIsNeededRunsTheSelfTest() throws Exception {
    Mpjrun.Result result = check("127.0.0.2:2").runCommand().assertExitCode(0);
    result.assertNothingLeft();
    assertThat(result.out())
        .noneMatch(line -> line.startsWith("FAIL"))
        .anyMatch(line -> line.startsWith("ok    MPJ Express: "))
        .anyMatch(line -> line.startsWith("ok    MPI: "))
        .contains("ok    127.0.0.2: reached by ssh")
        .anyMatch(line -> line.matches("ok    127.0.0.2: .* version \".*"))
        .anyMatch(line -> line.startsWith("ok    127.0.0.2: its clock is within "))
        .anyMatch(line -> line.matches("ok    127.0.0.2: .*shared arrays.*"))
        .contains("ok    127.0.0.2: the folders are there")
        .contains("ok    127.0.0.2: reaches the ports of this host")
        .anyMatch(line -> line.startsWith("2 ranks, Java "));
  }

  @Test
  void whatIsMissingIsSaidWithItsCureAndNoRankStarts() throws Exception {
    Mpjrun.Result refused = check("127.0.0.2,127.0.0.5").runCommand().assertExitCode(1);
    assertThat(refused.out())
        .contains("ok    127.0.0.2: reached by ssh")
        .contains(
            "FAIL  127.0.0.5: not reached by ssh: Connection refused"
                + " -> try: ssh -o BatchMode=yes 127.0.0.5 true")
        .noneMatch(line -> line.contains("ranks, Java"));
    Mpjrun.Result withoutJava = check("127.0.0.7").runCommand().assertExitCode(1);
    assertThat(withoutJava.out())
        .anyMatch(
            line -> line.startsWith("FAIL  127.0.0.7: ") && line.contains("JDK of this host"));
    Mpjrun.Result closed = check("127.0.0.8").runCommand().assertExitCode(1);
    assertThat(closed.out())
        .anyMatch(
            line -> line.matches("FAIL  127.0.0.8: its clock is 86\\d+ s from this one -> .*"))
        .contains(
            "FAIL  127.0.0.8: does not reach a port of this host -> have the firewall let TCP pass");
  }

  @Test
  void aProgramIsNotRunByIt() throws Exception {
    Mpjrun.Result result = check("127.0.0.2").runCommand("Example").assertExitCode(2);
    assertThat(result.err()).singleElement().asString().contains("leave out the program");
  }
}
