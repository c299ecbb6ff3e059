package dev.mpipool;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * Stands for a task's exception that cannot travel itself, because it or something in it is not
 * serializable or main does not know its class. Comes as the cause of an {@link
 * java.util.concurrent.ExecutionException}. Its message has the other's type and message; its stack
 * trace is the other's, from the worker; its causes and suppressed exceptions stand for the other's
 * in the same way. (Of a chain of causes that leads back to itself, or is longer than 100, the rest
 * is left out.) Why the other could not travel is at the end of {@link #remoteStackTrace}.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   executor.submit(() -> 6 * 7).get();
 * } catch (ExecutionException e) {
 *   if (e.getCause() instanceof RemoteTaskException remote) {
 *     System.err.println(remote.remoteType() + " on a worker: " + remote.remoteStackTrace());
 *   }
 * }
 * }</pre>
 */
public class RemoteTaskException extends Exception {

  private static final long serialVersionUID = 2;

  /** The class name of the task's exception. */
  private final String remoteType;

  /** Its stack trace, as it was printed on the worker; null if it is to be made of the frames. */
  private final String remoteStackTrace;

  /**
   * Creates an exception without frames or causes.
   *
   * @param remoteType the class name of the exception it stands for
   * @param message that exception's message, or null
   * @param remoteStackTrace that exception's stack trace, as it was printed; null if it is to be
   *     made of the frames and causes that this one is given
   */
  public RemoteTaskException(String remoteType, String message, String remoteStackTrace) {
    super(message == null ? remoteType : remoteType + ": " + message);
    this.remoteType = remoteType;
    this.remoteStackTrace = remoteStackTrace;
    setStackTrace(new StackTraceElement[0]);
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
    if (remoteStackTrace != null) {
      return remoteStackTrace;
    }
    StringWriter text = new StringWriter();
    printStackTrace(new PrintWriter(text, true));
    return text.toString().replace(RemoteTaskException.class.getName() + ": ", "");
  }
}
