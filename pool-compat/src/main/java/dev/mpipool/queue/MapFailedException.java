package dev.mpipool.queue;

import java.nio.file.Path;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;

/**
 * Some tasks of a map have no result; all others have been run. The cause is what befell the first
 * of them: the task's own exception; a {@link dev.mpipool.RemoteTaskException} that stands for one
 * that cannot travel; or a {@link ChunkLostException}.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   List<Integer> halves = new QueuePool(Scheduler.detect()).map(x -> 100 / x, List.of(0, 1));
 * } catch (MapFailedException e) {
 *   e.failures().forEach((task, failure) -> System.err.println("task " + task + ": " + failure));
 * }
 * }</pre>
 */
public class MapFailedException extends CompletionException {

  private static final long serialVersionUID = 1;

  private static final int MOST_NAMED = 10;

  private final TreeMap<Integer, Throwable> failures;
  private final String folder;

  MapFailedException(int tasks, SortedMap<Integer, Throwable> failures, Path folder) {
    super(message(tasks, failures, folder), first(failures));
    this.failures = new TreeMap<>(failures);
    this.folder = folder.toString();
  }

  private static String message(int tasks, SortedMap<Integer, Throwable> failures, Path folder) {
    String first = "Task %d failed: %s".formatted(failures.firstKey(), first(failures));
    if (failures.size() > 1) {
      String indices =
          failures.keySet().stream()
              .limit(MOST_NAMED)
              .map(String::valueOf)
              .collect(Collectors.joining(", "));
      first =
          "%d of %d tasks failed: %s%s. %s"
              .formatted(
                  failures.size(),
                  tasks,
                  indices,
                  failures.size() > MOST_NAMED ? ", ..." : "",
                  first);
    }
    return "%s%nWhat the jobs printed is in %s".formatted(first, folder);
  }

  private static Throwable first(SortedMap<Integer, Throwable> failures) {
    return failures.get(failures.firstKey());
  }

  /**
   * The failures by task.
   *
   * @return exceptions by the tasks' indices, counted from 0; not to be changed
   */
  public SortedMap<Integer, Throwable> failures() {
    return Collections.unmodifiableSortedMap(failures);
  }

  /**
   * The map's folder, which stays.
   *
   * @return its path
   */
  public Path folder() {
    return Path.of(folder);
  }
}
