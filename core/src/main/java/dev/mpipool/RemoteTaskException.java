package dev.mpipool;

import java.io.PrintStream;
import java.io.PrintWriter;

/**
 * Stands for a task's exception that cannot travel itself, because it or something in it is not
 * serializable or main does not know its class. Comes as the cause of an {@link
 * java.util.concurrent.ExecutionException}. Its message has the other's type and message; its
 * printed stack trace is the other's, from the worker.
 */
public class RemoteTaskException extends Exception {

  private static final long serialVersionUID = 1;

  /** The class name of the task's exception. */
  private final String remoteType;

  /** Its stack trace, as it was printed on the worker. */
  private final String remoteStackTrace;

  /**
   * Creates an exception.
   *
   * @param remoteType the class name of the exception it stands for
   * @param message that exception's message, or null
   * @param remoteStackTrace that exception's stack trace, as it was printed
   */
  public RemoteTaskException(String remoteType, String message, String remoteStackTrace) {
    super(message == null ? remoteType : remoteType + ": " + message, null, true, false);
    this.remoteType = remoteType;
    this.remoteStackTrace = remoteStackTrace;
  }

  /**
   * The type of the task's exception.
   *
   * @return its class name
   */
  public String remoteType() {
    return remoteType;
  }

  /**
   * The stack trace of the task's exception, causes included.
   *
   * @return as {@link Throwable#printStackTrace()} printed it on the worker
   */
  public String remoteStackTrace() {
    return remoteStackTrace;
  }

  @Override
  public void printStackTrace(PrintStream out) {
    out.println(text());
  }

  @Override
  public void printStackTrace(PrintWriter out) {
    out.println(text());
  }

  private String text() {
    return getClass().getName() + ": on a worker: " + remoteStackTrace.stripTrailing();
  }
}
