package dev.mpipool.tasker;

import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.LeanSerializer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does tasks with the function of this rank. */
final class Runner<A, R> {

  private static final Logger LOG = LoggerFactory.getLogger(Runner.class);

  private final TaskFunction<? super A, ? extends R> function;
  private final LeanSerializer serializer;

  Runner(TaskFunction<? super A, ? extends R> function, LeanSerializer serializer) {
    this.function = function;
    this.serializer = serializer;
  }

  /**
   * What became of a task.
   *
   * @param fine whether it has a result
   * @param bytes the encoded result, or a FailureReport
   */
  record Outcome(boolean fine, ByteBuffer bytes) {}

  /** Does a task, whatever it throws. */
  @SuppressWarnings("unchecked") // the argument is one of the map's
  Outcome run(int task, Object argument) {
    LOG.debug("execute task {}", task);
    R result;
    try {
      result = function.apply((A) argument);
    } catch (Throwable e) {
      return failure(Origin.TASK, e);
    }
    try {
      return new Outcome(true, serializer.encode(result));
    } catch (Throwable e) {
      return failure(Origin.WRITING_RESULT, e);
    }
  }

  /** The argument could not be read. */
  Outcome unreadable(Throwable why) {
    return failure(Origin.READING_TASK, why);
  }

  private Outcome failure(Origin origin, Throwable e) {
    return new Outcome(false, FailureReport.of(origin, e, serializer).encode());
  }

  /** Does all that is to be done, here. */
  void runAll(Book book) {
    for (int task = book.next(); task >= 0; task = book.next()) {
      Outcome outcome = run(task, book.argument(task));
      if (outcome.fine) {
        book.done(task, outcome.bytes);
      } else {
        book.failed(task, outcome.bytes);
      }
    }
  }

  /** Does all that is to be done on so many threads of this process. */
  void runAll(Book book, int threads) {
    List<Thread> running = new ArrayList<>();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    for (int i = 1; i <= threads; i++) {
      Thread thread = new Thread(() -> runAll(book, failure), "mpipool-tasker-" + i);
      thread.setDaemon(true);
      thread.start();
      running.add(thread);
    }
    boolean interrupted = false;
    for (Thread thread : running) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true; // the tasks are under way, and their results are wanted
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure.get() != null) {
      throw ExceptionUtils.<RuntimeException>asRuntimeException(failure.get());
    }
  }

  /** A thread that cannot go on, for want of memory perhaps, does not end in silence. */
  private void runAll(Book book, AtomicReference<Throwable> failure) {
    try {
      runAll(book);
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }
}
