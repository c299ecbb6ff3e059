package dev.mpipool.worker;

import org.slf4j.MDC;

/**
 * The rank in the log lines of a thread: SLF4J's MDC has it as {@code mpipool.rank}, which Logback,
 * for example, prints for {@code %X{mpipool.rank}}.
 */
public final class LogContext {
  private static final String RANK = "mpipool.rank";

  private LogContext() {}

  /**
   * Sets the rank of the calling thread, unless it has one. A task may have cleared the MDC.
   *
   * @param rank as decimal digits
   */
  public static void enter(String rank) {
    if (MDC.get(RANK) == null) {
      MDC.put(RANK, rank);
    }
  }
}
