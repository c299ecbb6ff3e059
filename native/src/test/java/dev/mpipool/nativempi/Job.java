package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** A launcher with its ranks. What they print goes into a file. */
final class Job implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 120;
  private static final Pattern PID = Pattern.compile("pid (\\d+) of rank (\\d+);");

  private final Path output = Files.createTempFile("mpipool-job", ".txt");
  private final Process launcher;

  Job(ProcessBuilder builder) throws IOException {
    launcher = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
  }

  String output() {
    try {
      return Files.readString(output);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  void awaitOutput(String text) {
    await().untilAsserted(() -> assertThat(output()).contains(text));
  }

  private static org.awaitility.core.ConditionFactory await() {
    return Awaitility.await()
        .atMost(Duration.ofSeconds(PATIENCE_SECONDS))
        .pollInterval(Duration.ofMillis(50));
  }

  Process launcher() {
    return launcher;
  }

  /**
   * The processes of the ranks, which say their numbers: see {@link Ranks#tellPid}. A launcher that
   * ends its job may have lost some of what ranks have said.
   */
  List<ProcessHandle> ranks(int number) {
    await().until(() -> PID.matcher(output()).results().count() == number || !launcher.isAlive());
    return PID.matcher(output())
        .results()
        .sorted(
            (a, b) -> Integer.compare(Integer.parseInt(a.group(2)), Integer.parseInt(b.group(2))))
        .flatMap(match -> ProcessHandle.of(Long.parseLong(match.group(1))).stream())
        .toList();
  }

  /** The launcher's exit code; the ranks have ended then, or do so in a moment. */
  int exitCode() throws InterruptedException {
    assertThat(launcher.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as(output()).isTrue();
    return launcher.exitValue();
  }

  @Override
  public void close() throws IOException {
    launcher.descendants().forEach(ProcessHandle::destroyForcibly);
    launcher.destroyForcibly();
    Files.delete(output);
  }
}
