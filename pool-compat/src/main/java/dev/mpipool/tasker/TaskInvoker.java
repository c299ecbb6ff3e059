package dev.mpipool.tasker;

import dev.mpipool.memory.Uninterruptibles;
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

/** Invokes the function of this rank for tasks. */
final class TaskInvoker<A, R> {

  private static final Logger LOG = LoggerFactory.getLogger(TaskInvoker.class);

  private final TaskFunction<? super A, ? extends R> function;
  private final LeanSerializer serializer;

  TaskInvoker(TaskFunction<? super A, ? extends R> function, LeanSerializer serializer) {
    this.function = function;
    this.serializer = serializer;
  }

  /**
   * How a task ended.
   *
   * @param success whether it has a result
   * @param bytes the encoded result, or a FailureReport
   */
  record Outcome(boolean success, ByteBuffer bytes) {}

  /** Runs a task. Does not throw: an exception is an outcome. */
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

  /** The outcome of a task whose argument cannot be read. */
  Outcome unreadable(Throwable why) {
    return failure(Origin.READING_TASK, why);
  }

  private Outcome failure(Origin origin, Throwable e) {
    return new Outcome(false, FailureReport.of(origin, e, serializer).encode());
  }

  /** Runs all tasks that are to be assigned, in the calling thread. */
  void runAll(TaskLedger ledger) {
    for (int task = ledger.assign(); task >= 0; task = ledger.assign()) {
      Outcome outcome = run(task, ledger.argument(task));
      if (outcome.success) {
        ledger.done(task, outcome.bytes);
      } else {
        ledger.failed(task, outcome.bytes);
      }
    }
  }

  /** Runs all tasks that are to be assigned, on several threads of this process. */
  void runAll(TaskLedger ledger, int threads) {
    List<Thread> running = new ArrayList<>();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    for (int i = 1; i <= threads; i++) {
      Thread thread = new Thread(() -> runAll(ledger, failure), "mpipool-tasker-" + i);
      thread.setDaemon(true);
      thread.start();
      running.add(thread);
    }
    // An interrupt does not end the wait: the tasks are under way, and their results are wanted.
    running.forEach(thread -> Uninterruptibles.await(thread::join));
    if (failure.get() != null) {
      throw ExceptionUtils.<RuntimeException>asRuntimeException(failure.get());
    }
  }

  /** As {@link #runAll(TaskLedger)}; a failure of the thread itself is kept for the caller. */
  private void runAll(TaskLedger ledger, AtomicReference<Throwable> failure) {
    try {
      runAll(ledger);
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }
}
