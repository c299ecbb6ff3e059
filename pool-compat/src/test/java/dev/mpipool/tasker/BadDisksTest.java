package dev.mpipool.tasker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is full, and one that cannot be written: real ones, which takes root to mount. */
@Timeout(60)
class BadDisksTest {

  private static final int TASKS = 200;
  private static final int BYTES = 10_000;

  @TempDir Path disk;
  private Path file;
  private final Set<Integer> done = new ConcurrentSkipListSet<>();

  private static boolean command(String... words) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
  }

  @BeforeEach
  void mount() throws Exception {
    assumeTrue(
        command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.toString()),
        "only root can mount a small disk");
    file = disk.resolve("foo.bin");
  }

  @AfterEach
  void unmount() throws Exception {
    command("umount", disk.toString());
  }

  private byte[] result(int task) {
    done.add(task);
    byte[] result = new byte[BYTES];
    result[0] = (byte) task;
    return result;
  }

  private List<byte[]> map() {
    try (Tasker tasker = new Tasker()) {
      return tasker.map(file, this::result, Tasker.range(TASKS));
    }
  }

  @Test
  void onAFullDiskWhatIsSavedStaysAndTheNextRunGoesOn() throws Exception {
    assertThatThrownBy(this::map)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("No space left on device")
        .hasMessageMatching("(?s).* \\d\\d+ of 200 results are saved in .*foo.bin.mpi.*");
    int before = done.size();
    assertThat(before).isBetween(80, 110);
    assertThat(file).doesNotExist();

    assertThat(command("mount", "-o", "remount,size=3m", disk.toString())).isTrue();
    done.clear();
    // Enough for the results, but not for the whole beside them.
    assertThatThrownBy(this::map)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("No space left on device");
    assertThat(file).doesNotExist();
    assertThat(done).hasSize(TASKS - before + 1); // the one that found no room

    assertThat(command("mount", "-o", "remount,size=8m", disk.toString())).isTrue();
    done.clear();
    List<byte[]> results = map();
    assertThat(done).isEmpty();
    for (int task = 0; task < TASKS; task++) {
      assertThat(results.get(task)).hasSize(BYTES);
      assertThat(results.get(task)[0]).isEqualTo((byte) task);
    }
    assertThat(disk).isDirectoryNotContaining(path -> !path.equals(file));
  }

  @Test
  void inAReadOnlyFolderAWholeFileIsReadAndNothingElseIsTried() throws Exception {
    assertThat(command("mount", "-o", "remount,size=8m", disk.toString())).isTrue();
    map();
    assertThat(command("mount", "-o", "remount,ro", disk.toString())).isTrue();
    done.clear();
    assertThat(map()).hasSize(TASKS);
    file = disk.resolve("other.bin");
    assertThatThrownBy(this::map)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("other.bin.mpi: Read-only file system");
    assertThat(done).isEmpty();
  }
}
