package dev.mpipool.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class WholeFileTest {

  @TempDir Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void replacesAFileAndLeavesNothingElse() throws IOException {
    Path file = folder.resolve("state");
    WholeFile.write(file, "OPEN".getBytes(UTF_8));
    WholeFile.writeQuickly(file, "DONE".getBytes(UTF_8));

    assertThat(file).hasContent("DONE");
    assertThat(names()).containsExactly("state");
  }

  @Test
  void aFileThatCannotBeReplacedLeavesNothingElse() throws IOException {
    Files.createDirectories(folder.resolve("state/inner"));

    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> WholeFile.write(folder.resolve("state"), new byte[10]));
    assertThat(names()).containsExactly("state");
  }

  @Test
  void ofManyWhoMakeTheSameFileOneDoes() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    Path file = folder.resolve("only");
    List<Callable<Boolean>> tries =
        IntStream.range(0, 64)
            .<Callable<Boolean>>mapToObj(
                i -> () -> WholeFile.create(file, ("by " + i).getBytes(UTF_8)))
            .toList();
    int made = 0;
    for (Future<Boolean> one : threads.invokeAll(tries)) {
      made += one.get() ? 1 : 0;
    }
    threads.shutdown();

    assertThat(made).isEqualTo(1);
    assertThat(Files.readString(file)).startsWith("by ");
    assertThat(names()).containsExactly("only");
  }

  @Test
  void aCheckedFileIsReadAsItWasWritten() throws IOException {
    Path file = folder.resolve("result");
    byte[] content = new byte[100_000];
    new java.util.Random(1).nextBytes(content);
    WholeFile.writeChecked(file, content);
    assertThat(WholeFile.readChecked(file)).isEqualTo(content);

    WholeFile.writeChecked(file, new byte[0]);
    assertThat(WholeFile.readChecked(file)).isEmpty();
  }

  @Test
  void everyDamageToACheckedFileIsNoticed() throws IOException {
    Path file = folder.resolve("result");
    WholeFile.writeChecked(file, "finished".getBytes(UTF_8));
    byte[] whole = Files.readAllBytes(file);

    for (int at = 0; at < whole.length; at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 1;
      Files.write(file, flipped);
      assertDamaged(file);
      Files.write(file, java.util.Arrays.copyOf(whole, at));
      assertDamaged(file);
    }
    Files.write(file, java.util.Arrays.copyOf(whole, whole.length + 1));
    assertDamaged(file);
  }

  private static void assertDamaged(Path file) {
    assertThatExceptionOfType(DamagedFileException.class)
        .isThrownBy(() -> WholeFile.readChecked(file))
        .withMessageContaining(file.toString());
  }

  @Test
  void aCheckedFileThatIsNotThereIsNoDamage() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> WholeFile.readChecked(folder.resolve("none")));
  }
}
