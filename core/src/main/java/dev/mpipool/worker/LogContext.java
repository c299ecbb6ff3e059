package dev.mpipool.worker;

import org.slf4j.MDC;
import org.slf4j.helpers.NOPMDCAdapter;

/**
 * The rank in the log lines of a thread: SLF4J's MDC has it as {@code mpipool.rank}, which Logback,
 * for example, prints for {@code %X{mpipool.rank}}.
 */
public final class LogContext {
  private static final String RANK = "mpipool.rank";

  /** Whether the logging in use has such a context: a task should not pay for none. */
  private static final boolean EXISTS = !(MDC.getMDCAdapter() instanceof NOPMDCAdapter);

  private LogContext() {}

  /**
   * Sets the rank of the calling thread, unless it has one. A task may have cleared the MDC.
   *
   * @param rank as decimal digits
   */
  public static void enter(String rank) {
    if (EXISTS && MDC.get(RANK) == null) {
      MDC.put(RANK, rank);
    }
  }
}
