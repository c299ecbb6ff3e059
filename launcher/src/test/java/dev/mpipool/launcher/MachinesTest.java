package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.launcher.Machines.Host;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MachinesTest {
  @TempDir Path folder;

  @Test
  void commentsAndBlankLinesAreNoHosts() throws Exception {
    assertThat(
            Machines.read(
                file("# all", "", "  a.example  ", "me@b # the big one", "10.0.0.1", "fe80::1")))
        .extracting(Host::name)
        .containsExactly("a.example", "me@b", "10.0.0.1", "fe80::1");
  }

  /** The lines of a file are divided by a bar, the expected hosts by a comma. */
  @ParameterizedTest
  @CsvSource({
    "'node1', 'node1:1'",
    "'node1 slots=4|node2 slots=2', 'node1:4,node2:2'",
    "'node1   slots = 4', 'node1:4'",
    "'node1:4|node2:2', 'node1:4,node2:2'",
    "'node1:4|node2', 'node1:4,node2:1'",
    "'node1|node1|node2|node1', 'node1:3,node2:1'",
    "'node1:2|node1 slots=3', 'node1:5'",
    "'me@node1:2 # mine|10.0.0.7:3', 'me@node1:2,10.0.0.7:3'",
    "'::1|fe80::1 slots=2', '::1:1,fe80::1:2'"
  })
  void aLineNamesAHostAndHowManyRanksItIsFor(String lines, String expected) throws Exception {
    assertThat(asText(Machines.read(file(lines.split("\\|"))))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "'a:2,b', 'a:2,b:1'",
    "'a', 'a:1'",
    "'a,b,a:3', 'a:4,b:1'",
    "'me@a:2 , b', 'me@a:2,b:1'"
  })
  void hostsOnTheCommandLine(String list, String expected) throws Exception {
    assertThat(asText(Machines.parse(list))).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-oProxyCommand=x",
        "a;b",
        "a b",
        "$(a)",
        "x@-y",
        "a\u0007",
        "a:b",
        "a:0",
        "a:-1",
        "a:",
        "a slots=0",
        "a slots=",
        "a slots=2 slots=3",
        "a:100000",
        "a 4"
      })
  void whatIsNoHostIsRefusedWithItsLineAndTheForms(String host) throws Exception {
    Path file = file("fine", host);
    assertThatThrownBy(() -> Machines.read(file))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("line 2")
        .hasMessageContaining("node1 slots=4");
    assertThatThrownBy(() -> Machines.parse("fine," + host))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("-hosts fine," + host);
  }

  @Test
  void aFileThatIsMissingOrEmptyIsRefused() throws Exception {
    Path empty = file("#");
    assertThatThrownBy(() -> Machines.read(folder.resolve("none")))
        .hasMessageContaining("cannot read");
    assertThatThrownBy(() -> Machines.read(empty)).hasMessageContaining("names no host");
  }

  @ParameterizedTest
  @CsvSource({
    "'a,b,c', 2, 'a b'", // each host one rank, as with MPJ Express
    "'a,b,c', 3, 'a b c'",
    "'a,b,c', 8, 'a a a b b b c c'",
    "'a:2,b', 1, 'a'",
    "'a:2,b', 2, 'a a'",
    "'a:2,b', 3, 'a a b'",
    "'a:2,b', 4, 'a a a b'",
    "'a:2,b', 7, 'a a a a a b b'"
  })
  void neighbouringRanksShareAHostAndNoneGetsMoreThanItsShare(String list, int np, String ranks)
      throws Exception {
    assertThat(Machines.assign(Machines.parse(list), np)).containsExactly(ranks.split(" "));
  }

  @Test
  void aRankForEachSlotIsInOneWordWhatWasNamed() throws Exception {
    List<Host> hosts = Machines.parse("a:2,b");
    assertThat(Machines.word(Machines.assign(hosts, Machines.slots(hosts)))).isEqualTo("a:2,b:1");
  }

  private static String asText(List<Host> hosts) {
    return String.join(",", hosts.stream().map(host -> host.name() + ":" + host.slots()).toList());
  }

  private Path file(String... lines) throws Exception {
    return Files.write(Files.createTempFile(folder, "machines", ""), List.of(lines));
  }
}
