package dev.mpipool.tasker;

import dev.mpipool.comm.RankLostException;
import dev.mpipool.files.ResultFolder;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The root's record of a map's tasks: which are still to be assigned, and how the others ended.
 * Thread-safe; guarded by its own monitor.
 */
final class TaskLedger {

  private static final Logger LOG = LoggerFactory.getLogger(TaskLedger.class);

  private static final int MOST_ATTEMPTS = 3;
  private static final int MOST_FAILURES = 20;

  private final TaskArguments<?> arguments;
  private final ResultFolder folder;
  private final Serializer serializer;
  private final BitSet failed = new BitSet();
  private final TreeMap<Integer, Throwable> failures = new TreeMap<>();

  /** Tasks whose worker was lost, to be assigned again. */
  private final ArrayDeque<Integer> again = new ArrayDeque<>();

  /** By task: the number of workers that were lost while they had it. */
  private final Map<Integer, Integer> deaths = new HashMap<>();

  /** All tasks before it have been assigned or have a saved result. */
  private int next;

  /** The number of tasks without an outcome. */
  private int open;

  /** Why a result could not be saved, or null. */
  private IOException unsaved;

  TaskLedger(TaskArguments<?> arguments, ResultFolder folder, Serializer serializer) {
    this.arguments = arguments;
    this.folder = folder;
    this.serializer = serializer;
    this.open = arguments.count() - folder.count();
  }

  Object argument(int task) {
    return arguments.get(task);
  }

  /** Assigns a task and returns its index; -1 if no task is to be assigned. */
  synchronized int assign() {
    if (unsaved != null) {
      return -1; // what cannot be saved need not be computed
    }
    if (!again.isEmpty()) {
      return again.poll();
    }
    while (next < arguments.count() && folder.has(next)) {
      next++;
    }
    return next < arguments.count() ? next++ : -1;
  }

  /** Saves a result. If that fails, no more tasks are assigned. */
  synchronized void done(int task, ByteBuffer result) {
    open--;
    try {
      folder.save(task, arguments.fingerprint(task), result);
      LOG.debug("save task {}", task);
    } catch (IOException e) {
      unsaved = unsaved == null ? e : unsaved;
    }
  }

  /** Records that a task failed, by its FailureReport. */
  synchronized void failed(int task, ByteBuffer report) {
    fail(task, exception(report));
  }

  private void fail(int task, Throwable failure) {
    open--;
    failed.set(task);
    failures.put(task, failure);
    if (failures.size() > MOST_FAILURES) {
      failures.pollLastEntry();
    }
    LOG.debug("task {} failed", task, failure);
  }

  /** Records that the worker that had a task is lost: the task is assigned again, or fails. */
  synchronized void lost(int task, int rank, String reason) {
    if (deaths.merge(task, 1, Integer::sum) < MOST_ATTEMPTS) {
      LOG.warn("Rank {} is lost ({}); task {} goes to another", rank, reason, task);
      again.add(task);
    } else {
      String what = "%d ranks died while they had task %d, the last was rank %d (%s)";
      fail(
          task,
          new RankLostException(rank, what.formatted(MOST_ATTEMPTS, task, rank, reason), null));
    }
  }

  /** Whether every task has an outcome. */
  synchronized boolean isFinished() {
    return open == 0;
  }

  /** Whether results cannot be saved, so that no more tasks are assigned. */
  synchronized boolean isStuck() {
    return unsaved != null;
  }

  /** Throws unless every task has a saved result. */
  synchronized void check(String file) throws IOException {
    if (unsaved != null) {
      throw new IOException(
          "%s. %d of %d results are saved in %s; the next run does the rest"
              .formatted(unsaved.getMessage(), folder.count(), arguments.count(), folder),
          unsaved);
    }
    if (!failed.isEmpty()) {
      List<Integer> indices = new ArrayList<>();
      failed.stream().forEach(indices::add);
      throw new TasksFailedException(file, arguments.count(), indices, failures);
    }
  }

  /** The number of tasks that have a saved result. */
  int saved() {
    return folder.count();
  }

  /** The number of tasks. */
  int count() {
    return arguments.count();
  }

  private Throwable exception(ByteBuffer encoded) {
    try {
      return exception(encoded, serializer);
    } catch (IOException e) {
      return e;
    }
  }

  /** The reported exception; a substitute with the same text where it cannot be read. */
  static Throwable exception(ByteBuffer encoded, Serializer serializer) throws IOException {
    FailureReport report = FailureReport.decode(encoded);
    return Optional.ofNullable(report.exception())
        .flatMap(bytes -> decoded(bytes, serializer))
        .orElseGet(report::toException);
  }

  private static Optional<Throwable> decoded(ByteBuffer bytes, Serializer serializer) {
    try {
      if (serializer.decode(bytes) instanceof Throwable exception) {
        return Optional.of(exception);
      }
    } catch (Throwable e) {
      LOG.debug("An exception cannot be read", e);
    }
    return Optional.empty();
  }
}
