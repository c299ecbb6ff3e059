package dev.mpipool.launcher;

import java.util.List;
import java.util.function.IntConsumer;

/**
 * The signals to the launcher. A shutdown hook would hear of the first one only, and not of which
 * it is.
 */
final class Signals {
  /** Those of the terminal, of the system or a scheduler, and of a terminal that is closed. */
  private static final List<String> ENDS = List.of("INT", "TERM", "HUP");

  /** What schedulers send, if they are asked to, some time before they end a job. */
  private static final String ANNOUNCEMENT = "USR1";

  private static final int EXIT_CODE = 128;

  /** The exit code that says INT. */
  static final int INTERRUPTED = EXIT_CODE + 2;

  private Signals() {}

  /**
   * Has the signals handled, in a thread for each. One that was ignored when this process started
   * stays so; where signals cannot be handled, they end this process, and with it the ranks.
   *
   * @param end gets the exit code that says which signal asks for the end
   * @param announce called when the end is announced
   */
  static void handle(IntConsumer end, Runnable announce) {
    for (String name : ENDS) {
      dev.mpipool.signal.Signals.handle(name, (number, before) -> end.accept(EXIT_CODE + number));
    }
    dev.mpipool.signal.Signals.handle(ANNOUNCEMENT, (number, before) -> announce.run());
  }
}
