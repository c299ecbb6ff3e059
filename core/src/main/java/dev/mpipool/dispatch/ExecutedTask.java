package dev.mpipool.dispatch;

import dev.mpipool.serial.TaskCall;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task of {@code execute}, whose future the user does not see. As in the JDK's pools, its
 * exception goes to the default uncaught-exception handler, or without one to standard error.
 *
 * <p>The future is done before the handler is called, so the handler may close the pool. The pool
 * terminates only after the handler has returned or 2 s have passed, so that a program which exits
 * then has reported the failure.
 */
public final class ExecutedTask extends TaskFuture<Void> {

  private static final Logger LOG = LoggerFactory.getLogger(ExecutedTask.class);
  private static final long HANDLER_SECONDS = 2;

  /** The rank of the worker that reported the failure; negative if none did. */
  private int answeredBy = -1;

  /** Done when the failure has been reported; null if there is none. */
  private volatile CompletableFuture<Void> told;

  /**
   * Creates a future that is not submitted yet.
   *
   * @param pool will run the task
   * @param call the task to send
   * @param original the user's own object, for messages and for shutdownNow
   */
  public ExecutedTask(Object pool, TaskCall call, Object original) {
    super(pool, call, original);
  }

  @Override
  Void result(Object fromWorker) {
    return null;
  }

  @Override
  void failOn(int rank, Throwable failure) {
    answeredBy = rank;
    fail(failure);
  }

  @Override
  public void fail(Throwable failure) {
    CompletableFuture<Void> telling = new CompletableFuture<>();
    told = telling;
    String name = name(); // before the future releases its task
    super.fail(failure);
    if (isCancelled()) { // by shutdownNow, which returns the task to the user
      telling.complete(null);
      return;
    }
    telling.completeOnTimeout(null, HANDLER_SECONDS, TimeUnit.SECONDS);
    try {
      tell(name, failure);
    } catch (Throwable e) {
      LOG.error("The handler of uncaught exceptions has failed", e);
    } finally {
      telling.complete(null);
    }
  }

  private void tell(String name, Throwable failure) {
    Thread.UncaughtExceptionHandler handler = Thread.getDefaultUncaughtExceptionHandler();
    if (handler != null) {
      handler.uncaughtException(Thread.currentThread(), failure);
      return;
    }
    String where = answeredBy < 0 ? "" : " on rank " + answeredBy;
    synchronized (System.err) { // not interleaved with other output
      System.err.print("Exception in task \"%s\"%s ".formatted(name, where));
      failure.printStackTrace();
    }
  }

  @Override
  CompletableFuture<?> settled() {
    return handle((value, failure) -> told)
        .thenCompose(
            telling -> telling == null ? CompletableFuture.completedFuture(null) : telling);
  }
}
