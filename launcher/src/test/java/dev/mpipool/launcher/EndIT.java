package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long a job takes that has nothing left to do. */
class EndIT {
  /** Milliseconds; a JVM whose threads wait in system calls takes 300 to exit. */
  private static final long PROMISED = 250;

  /** The machine may be busy, though not each time. */
  private static final int RUNS = 10;

  @ParameterizedTest
  @CsvSource({
    "tcpdev, barrier",
    "tcpdev, finalize",
    "tcpdev, exit:0",
    "multicore, barrier",
    "multicore, finalize"
  })
  void aJobIsOverWithItsLastShutdownHook(String device, String last) {
    long least = Long.MAX_VALUE;
    for (int run = 0; run < RUNS && least >= PROMISED; run++) {
      Mpjrun.Result job =
          Mpjrun.on(device)
              .np(2)
              .run(Script.class, "*:lastWords", "*:init", "*:" + last)
              .assertExitCode(0);
      long over = System.currentTimeMillis();
      long said = job.out().stream().mapToLong(Long::parseLong).max().orElseThrow();
      least = Math.min(least, over - said);
    }
    assertThat(least).isLessThan(PROMISED);
  }
}
