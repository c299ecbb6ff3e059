package dev.mpipool.dispatch;

import dev.mpipool.serial.TaskCall;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task of {@code execute}, whose future no user has: what it throws goes where the JDK's pools
 * have it go, to the default handler of uncaught exceptions, or else to the standard error stream.
 *
 * <p>The future is done before the handler is called, which may so close the pool. But a pool is
 * terminated only when the handler has returned, or has taken two seconds: a program that ends then
 * has told of the failure.
 */
public final class ExecutedTask extends TaskFuture<Void> {

  private static final Logger LOG = LoggerFactory.getLogger(ExecutedTask.class);
  private static final long HANDLER_SECONDS = 2;

  /** The worker that has answered; negative if none has. */
  private int answeredBy = -1;

  /** Null if there is nothing to tell. */
  private volatile CompletableFuture<Void> told;

  /**
   * Creates a future that is not submitted yet.
   *
   * @param pool will run the task
   * @param call what travels
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
    String name = name(); // which the future lets go with its task
    super.fail(failure);
    if (isCancelled()) { // by a shutdown, which returns the task to the user
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
    synchronized (System.err) { // in one piece
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
