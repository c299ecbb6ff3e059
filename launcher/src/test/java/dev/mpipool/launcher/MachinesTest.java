package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachinesTest {
  @TempDir Path folder;

  @Test
  void commentsAndBlankLinesAreNoHosts() throws Exception {
    assertThat(
            Machines.read(
                file("# all", "", "  a.example  ", "me@b # the big one", "10.0.0.1", "fe80::1")))
        .containsExactly("a.example", "me@b", "10.0.0.1", "fe80::1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-oProxyCommand=x", "a;b", "a b", "$(a)", "x@-y", "a\u0007"})
  void whatIsNoHostNameIsRefusedWithItsLine(String host) throws Exception {
    Path file = file("fine", host);
    assertThatThrownBy(() -> Machines.read(file))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("line 2");
  }

  @Test
  void aFileThatIsMissingOrEmptyIsRefused() throws Exception {
    Path empty = file("#");
    assertThatThrownBy(() -> Machines.read(folder.resolve("none")))
        .hasMessageContaining("cannot read");
    assertThatThrownBy(() -> Machines.read(empty)).hasMessageContaining("names no host");
  }

  @Test
  void neighbouringRanksShareAHostAsWithMpjExpress() {
    List<String> hosts = List.of("a", "b", "c");
    assertThat(Machines.assign(hosts, 2)).containsExactly("a", "b");
    assertThat(Machines.assign(hosts, 3)).containsExactly("a", "b", "c");
    assertThat(Machines.assign(hosts, 8)).containsExactly("a", "a", "a", "b", "b", "b", "c", "c");
  }

  private Path file(String... lines) throws Exception {
    return Files.write(Files.createTempFile(folder, "machines", ""), List.of(lines));
  }
}
