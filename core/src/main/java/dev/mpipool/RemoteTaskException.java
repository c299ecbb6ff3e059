package dev.mpipool;

import dev.mpipool.wire.FailureReport;
import dev.mpipool.wire.ThrowableText;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/**
 * Stands for a task's exception that cannot travel itself, because it or something in it is not
 * serializable or main does not know its class. Comes as the cause of an {@link
 * java.util.concurrent.ExecutionException}. Its message has the other's type and message; its stack
 * trace is the other's, from the worker; its causes and suppressed exceptions stand for the other's
 * in the same way. (Of a chain of causes that leads back to itself, or is longer than 100, the rest
 * is left out.) Why the other could not travel is at the end of {@link #remoteStackTrace}.
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
   * @param remoteStackTrace that exception's stack trace, as it was printed
   */
  public RemoteTaskException(String remoteType, String message, String remoteStackTrace) {
    this(remoteType, message, remoteStackTrace, List.of());
  }

  private RemoteTaskException(
      String remoteType,
      String message,
      String remoteStackTrace,
      List<StackTraceElement> remoteFrames) {
    super(message == null ? remoteType : remoteType + ": " + message);
    this.remoteType = remoteType;
    this.remoteStackTrace = remoteStackTrace;
    setStackTrace(remoteFrames.toArray(StackTraceElement[]::new));
  }

  /**
   * The exception that stands for one that was reported.
   *
   * @param report from another process
   * @return an exception with the other's frames and causes
   */
  public static RemoteTaskException of(FailureReport report) {
    List<ThrowableText> texts = report.texts();
    if (texts.isEmpty()) {
      return new RemoteTaskException(report.type(), report.message(), report.stack());
    }
    RemoteTaskException[] all = new RemoteTaskException[texts.size()];
    for (int i = 0; i < all.length; i++) {
      ThrowableText text = texts.get(i);
      String stack = i == 0 ? report.stack() : null;
      all[i] = new RemoteTaskException(text.type(), text.message(), stack, text.frames());
    }
    for (int i = 0; i < all.length; i++) {
      ThrowableText text = texts.get(i);
      if (text.cause() >= 0 && text.cause() != i) {
        all[i].initCause(all[text.cause()]);
      }
      for (int suppressed : text.suppressed()) {
        if (suppressed != i) {
          all[i].addSuppressed(all[suppressed]);
        }
      }
    }
    return all[0];
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
