package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pools in a JVM of their own, whose heap is full now and then. */
class NoMemoryTest {

  private static final int SCHEDULES = Integer.getInteger("mpipool.schedules.memory", 40);

  @Test
  @Timeout(400)
  void everyFutureIsDoneAndEveryPoolEndsThoughTheHeapIsFull(@TempDir Path folder) throws Exception {
    Path out = folder.resolve("out");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.security.manager=allow",
                "-cp",
                System.getProperty("java.class.path"),
                NoMemorySchedules.class.getName(),
                Long.toString(Long.getLong("mpipool.firstSeed", 1)),
                Integer.toString(SCHEDULES))
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      assertThat(process.waitFor(360, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(Files.readString(out)).isZero();
    } finally {
      process.destroyForcibly();
    }
  }
}
