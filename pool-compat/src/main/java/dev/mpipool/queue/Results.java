package dev.mpipool.queue;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** What came of the tasks of a map, as far as it is there. */
final class Results {

  private final MapPlan plan;
  private final WorkFolder folder;
  private final Serializer serializer;
  private final Object[] values;
  private final SortedMap<Integer, Throwable> failures = new TreeMap<>();

  Results(MapPlan plan, WorkFolder folder, Serializer serializer) {
    this.plan = plan;
    this.folder = folder;
    this.serializer = serializer;
    values = new Object[plan.tasks()];
  }

  /**
   * Reads the results of a chunk.
   *
   * @throws IOException if they are not there, or damaged
   */
  void add(int chunk) throws IOException {
    int[] tasks = plan.tasksOf(chunk).toArray();
    ChunkFile.Content content = ChunkFile.read(folder.results(chunk));
    if (content.parts().size() != tasks.length || content.first() != tasks[0]) {
      throw new IOException(
          "%s has other tasks than chunk %d".formatted(folder.results(chunk), chunk));
    }
    for (int i = 0; i < tasks.length; i++) {
      add(tasks[i], content.parts().get(i));
    }
  }

  private void add(int task, ChunkFile.Part part) throws IOException {
    if (part.kind() == ChunkFile.FAILURE) {
      failures.put(task, failure(task, FailureReport.decode(part.body())));
      return;
    }
    try {
      values[task] = decode(part.body());
    } catch (Throwable e) {
      failures.put(
          task,
          new TaskSerializationException(
              "The result of task %d (%s) could not be read: %s"
                  .formatted(task, plan.function(), e),
              e));
    }
  }

  private Throwable failure(int task, FailureReport report) {
    String text = report.message() == null ? report.type() : report.message();
    return switch (report.origin()) {
      case TASK -> exception(report);
      case READING_TASK ->
          new TaskSerializationException(
              "Task %d for %s could not be read by its job: %s"
                  .formatted(task, plan.function(), text),
              exception(report));
      case WRITING_RESULT, READING_RESULT ->
          new TaskSerializationException(
              "The result of task %d (%s) cannot travel back: %s"
                  .formatted(task, plan.function(), text),
              exception(report));
    };
  }

  private Throwable exception(FailureReport report) {
    if (report.exception() != null) {
      try {
        if (decode(report.exception()) instanceof Throwable exception) {
          return exception;
        }
      } catch (Throwable e) {
        // its text is there
      }
    }
    return report.toException();
  }

  private Object decode(ByteBuffer bytes) throws Exception {
    return serializer.decode(bytes);
  }

  /** Gives the tasks of a chunk up. */
  void lose(int chunk, ChunkLostException why) {
    plan.tasksOf(chunk).forEach(task -> failures.put(task, why));
  }

  boolean isComplete() {
    return failures.isEmpty();
  }

  SortedMap<Integer, Throwable> failures() {
    return failures;
  }

  /** In order; null where there is none. */
  List<Object> values() {
    return new ArrayList<>(Arrays.asList(values));
  }
}
