package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.dispatch.Desk;
import dev.mpipool.files.ResultFolder;
import dev.mpipool.files.TaskList;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Results of items in a folder, from one batch to the next. */
@Timeout(30)
class ItemCacheTest {

  @TempDir Path folder;

  private ItemCache open() throws IOException {
    return new ItemCache(folder, Desk.SERIALIZER);
  }

  private static Object[] item(Object... arguments) {
    return arguments;
  }

  /** As a batch of one item does it whose result is not there. */
  private void compute(long index, Object[] item, Object outcome) throws Exception {
    ItemCache cache = open();
    assertThat(cache.find(index, item)).isEmpty();
    cache.save(index, outcome);
    cache.close();
  }

  private Optional<ItemCache.Known> found(long index, Object[] item) throws Exception {
    ItemCache cache = open();
    try {
      return cache.find(index, item);
    } finally {
      cache.close();
    }
  }

  @Test
  void whatABatchHasSavedTheNextFinds() throws Exception {
    compute(3, item("a", 1), List.of("result"));

    assertThat(found(3, item("a", 1)))
        .hasValueSatisfying(known -> assertThat(known.result()).isEqualTo(List.of("result")));
    assertThat(found(4, item("a", 1))).isEmpty();
  }

  @Test
  void aResultMayBeNull() throws Exception {
    compute(0, item("a"), null);

    assertThat(found(0, item("a")))
        .hasValueSatisfying(known -> assertThat(known.result()).isNull());
  }

  @Test
  void aFailureIsNotSaved() throws Exception {
    compute(0, item("a"), new Failed(new IOException("staged")));

    assertThat(found(0, item("a"))).isEmpty();
  }

  @Test
  void anotherElementAtThePlaceIsRefused() throws Exception {
    compute(0, item("a", 1), "result");

    assertThatThrownBy(() -> found(0, item("a", 2)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("has a result for another element 0 than [a, 2]");
  }

  @Test
  void anElementThatCannotTravelHasNoResult() throws Exception {
    compute(0, item(new Object()), "none");

    assertThat(found(0, item("a"))).isEmpty();
  }

  @Test
  void aFolderOfSomethingElseIsLeftAloneAndNotKept() throws Exception {
    try (ResultFolder results = new ResultFolder(folder, "the test")) {
      results.begin(new TaskList(2, 17, Optional.empty()));
      results.save(0, 1, ByteBuffer.allocate(8));
    }

    for (int attempt = 0; attempt < 2; attempt++) {
      assertThatThrownBy(this::open)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("has the results of something else than a batch");
    }
  }

  @Test
  void anotherBatchMayHaveTheFolderOnlyAfterTheFirst() throws Exception {
    ItemCache first = open();
    assertThatThrownBy(this::open).isInstanceOf(IOException.class);
    first.close();

    assertThat(found(0, item("a"))).isEmpty();
  }
}
