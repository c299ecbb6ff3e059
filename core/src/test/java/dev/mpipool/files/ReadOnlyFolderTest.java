package dev.mpipool.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder that this process may only read; root may write everywhere, so it is told. */
class ReadOnlyFolderTest {

  private static List<String> names(Path folder) throws Exception {
    try (Stream<Path> inside = Files.list(folder)) {
      return inside.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void whatIsThereCanBeReadAndNothingIsTouched(@TempDir Path temporary) throws Exception {
    Path folder = temporary.resolve("cache");
    try (ResultFolder results = new ResultFolder(folder, "the first run")) {
      results.begin(TaskList.open());
      results.save(0, 7, ByteBuffer.wrap("zero".getBytes(UTF_8)));
    }
    Files.writeString(folder.resolve(".whole.left"), "by one that was killed");
    List<String> before = names(folder);

    try (ResultFolder results = new ResultFolder(folder, "a reader", true);
        ResultFolder again = new ResultFolder(folder, "another reader", true)) {
      results.begin(TaskList.open());
      assertThat(results.count()).isEqualTo(1);
      assertThat(results.fingerprint(0)).isEqualTo(7);
      assertThat(results.read(0)).isEqualTo("zero".getBytes(UTF_8));
      assertThat(again.read(0)).isEqualTo("zero".getBytes(UTF_8));
      assertThatThrownBy(() -> results.save(1, 7, ByteBuffer.allocate(1)))
          .isInstanceOf(ReadOnlyFolderException.class)
          .hasMessageContaining(folder.toString())
          .hasMessageContaining("may not write there");
      assertThatThrownBy(results::clear).isInstanceOf(ReadOnlyFolderException.class);
      assertThatThrownBy(() -> results.finish(temporary.resolve("file")))
          .isInstanceOf(ReadOnlyFolderException.class);
      assertThat(results.read(0)).isEqualTo("zero".getBytes(UTF_8));
    }
    assertThat(names(folder)).isEqualTo(before);
  }
}
