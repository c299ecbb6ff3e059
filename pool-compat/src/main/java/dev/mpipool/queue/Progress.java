package dev.mpipool.queue;

import java.io.PrintStream;
import java.util.Objects;

/**
 * Is told how far a map has come. Called by the thread that called map; what it throws ends the
 * map.
 *
 * <p>Example:
 *
 * <pre>{@code
 * QueuePool pool = QueuePool.builder(Scheduler.detect()).progress(Progress.lines(System.err)).build();
 * }</pre>
 */
public interface Progress {

  /**
   * The map has come further, or fallen back.
   *
   * @param counts differ from those told before
   */
  void changed(JobCounts counts);

  /**
   * Something a person may want to know: the scheduler does not answer, a job was lost, the folder
   * stays.
   *
   * @param text a line
   */
  default void message(String text) {}

  /** The map is at its end, in whatever way. */
  default void ended() {}

  /**
   * A progress bar, if standard error is a terminal, else lines there.
   *
   * @return for one map or several, one after the other
   */
  static Progress standard() {
    return ProgressBars.isTerminal() ? bar() : lines(System.err);
  }

  /**
   * A progress bar on standard error.
   *
   * @return for one map or several, one after the other
   */
  static Progress bar() {
    return new ProgressBars();
  }

  /**
   * A line a change.
   *
   * @param out where to
   * @return for any number of maps
   */
  static Progress lines(PrintStream out) {
    Objects.requireNonNull(out, "out");
    return new Progress() {
      @Override
      public void changed(JobCounts counts) {
        out.println(counts);
      }

      @Override
      public void message(String text) {
        out.println(text);
      }
    };
  }

  /**
   * Nothing to look at.
   *
   * @return for any number of maps
   */
  static Progress none() {
    return counts -> {};
  }
}
