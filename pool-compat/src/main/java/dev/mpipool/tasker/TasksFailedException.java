package dev.mpipool.tasker;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Some tasks of a map have failed. All others are done and saved: the next run does only these. The
 * cause is what the first of them threw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try (Tasker tasker = new Tasker(args)) {
 *   tasker.map(Path.of("halves.bin"), x -> 100 / x, Tasker.range(10));
 * } catch (TasksFailedException e) {
 *   System.err.println("not done: " + e.failedIndices());
 * }
 * }</pre>
 */
public class TasksFailedException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private static final int MOST_IN_MESSAGE = 5;

  /** All of them, in order. */
  private final ArrayList<Integer> indices;

  /** What the first of them threw. */
  private final TreeMap<Integer, Throwable> failures;

  TasksFailedException(
      String file, int tasks, List<Integer> indices, SortedMap<Integer, Throwable> failures) {
    super(text(file, tasks, indices, failures), failures.get(failures.firstKey()));
    this.indices = new ArrayList<>(indices);
    this.failures = new TreeMap<>(failures);
  }

  private static String text(
      String file, int tasks, List<Integer> indices, Map<Integer, Throwable> failures) {
    StringBuilder text = new StringBuilder();
    text.append("%d of %d tasks of %s failed:".formatted(indices.size(), tasks, file));
    int named = 0;
    for (Map.Entry<Integer, Throwable> failure : failures.entrySet()) {
      if (named++ == MOST_IN_MESSAGE) {
        break;
      }
      text.append(" task %d (%s);".formatted(failure.getKey(), failure.getValue()));
    }
    if (indices.size() > named) {
      text.append(" and others;");
    }
    return text + " the others are saved, and the next run does only these";
  }

  /**
   * Which tasks failed.
   *
   * @return their indices, in order
   */
  public List<Integer> failedIndices() {
    return Collections.unmodifiableList(indices);
  }

  /**
   * What they threw: of the first twenty of them. Where an exception cannot travel, a {@link
   * dev.mpipool.RemoteTaskException} stands for it; where every rank that had the task died, a
   * {@link dev.mpipool.comm.RankLostException}.
   *
   * @return by index
   */
  public Map<Integer, Throwable> failures() {
    return Collections.unmodifiableMap(failures);
  }
}
