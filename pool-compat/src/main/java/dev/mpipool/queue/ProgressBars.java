package dev.mpipool.queue;

import java.io.Console;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress as a bar on a terminal. */
final class ProgressBars implements Progress {

  private static final int WIDTH = 100;

  private ProgressBar bar;

  /** From Java 22 on there is a console without a terminal, too; then it tells. */
  @SuppressWarnings("SystemConsoleNull")
  static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }

  @Override
  public void changed(JobCounts counts) {
    if (bar == null) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("chunks")
              .setInitialMax(counts.total())
              .setStyle(ProgressBarStyle.ASCII)
              .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
              .build();
    }
    bar.stepTo(counts.done());
    bar.setExtraMessage(
        " %d running, %d pending, %d error, %d lost"
            .formatted(counts.running(), counts.pending(), counts.error(), counts.lost()));
  }

  @Override
  public void message(String text) {
    System.err.println();
    System.err.println(text);
  }

  @Override
  public void ended() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
