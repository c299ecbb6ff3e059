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

/** On the root: which tasks are still to be given out, and what became of the others. */
final class Book {

  private static final Logger LOG = LoggerFactory.getLogger(Book.class);

  private static final int MOST_ATTEMPTS = 3;
  private static final int MOST_FAILURES = 20;

  private final TaskArguments<?> arguments;
  private final ResultFolder folder;
  private final Serializer serializer;
  private final BitSet failed = new BitSet();
  private final TreeMap<Integer, Throwable> failures = new TreeMap<>();
  private final ArrayDeque<Integer> again = new ArrayDeque<>();
  private final Map<Integer, Integer> deaths = new HashMap<>();
  private int next;
  private int open;
  private IOException unsaved;

  Book(TaskArguments<?> arguments, ResultFolder folder, Serializer serializer) {
    this.arguments = arguments;
    this.folder = folder;
    this.serializer = serializer;
    this.open = arguments.count() - folder.count();
  }

  Object argument(int task) {
    return arguments.get(task);
  }

  /** Takes a task; -1 if there is none to be given out. */
  synchronized int next() {
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

  /** Saves a result. If that fails, no more tasks are given out. */
  synchronized void done(int task, ByteBuffer result) {
    open--;
    try {
      folder.save(task, arguments.fingerprint(task), result);
      LOG.debug("save task {}", task);
    } catch (IOException e) {
      unsaved = unsaved == null ? e : unsaved;
    }
  }

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

  /** The worker that had it is dead. */
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

  /** Whether nothing is to be given out or awaited. */
  synchronized boolean isFinished() {
    return open == 0;
  }

  /** Whether results cannot be saved, and so nothing more is given out. */
  synchronized boolean isStuck() {
    return unsaved != null;
  }

  /** Throws unless every task has been done and saved. */
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

  /** How many have a result. */
  int saved() {
    return folder.count();
  }

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

  /** The exception that was reported, or what stands for it where it cannot be read. */
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
