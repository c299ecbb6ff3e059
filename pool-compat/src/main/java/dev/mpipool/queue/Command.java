package dev.mpipool.queue;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.commons.lang3.StringUtils;

/** Runs a scheduler's programs. */
final class Command {

  private static final int LONGEST_QUOTE = 1000;
  private static final File NOTHING = new File("/dev/null");

  private Command() {}

  /**
   * Runs a program to its end.
   *
   * @param command the program and its arguments
   * @param timeout when it is killed
   * @return what it printed
   * @throws CommandException if it could not be started, did not end in time or failed
   */
  static String run(List<String> command, Duration timeout)
      throws IOException, InterruptedException {
    // Files instead of pipes: what the program leaves behind may hold a pipe open for ever.
    Path out = Files.createTempFile("mpipool", ".out");
    Path err = Files.createTempFile("mpipool", ".err");
    try {
      Process process = start(command, out, err);
      boolean ended;
      try {
        ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        kill(process);
        throw e;
      }
      if (!ended) {
        kill(process);
        throw new CommandException(
            "%s did not end within %s%s"
                .formatted(name(command), text(timeout), quote(command, out, err)));
      }
      if (process.exitValue() != 0) {
        throw new CommandException(
            "%s failed with exit code %d%s"
                .formatted(name(command), process.exitValue(), quote(command, out, err)));
      }
      return read(out);
    } finally {
      Files.deleteIfExists(out);
      Files.deleteIfExists(err);
    }
  }

  private static Process start(List<String> command, Path out, Path err) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    Environment.removeShellVariables(
        builder.environment()); // Slurm gives the rest to the job's shell
    builder.environment().put("LC_ALL", "C");
    builder.redirectInput(NOTHING);
    builder.redirectOutput(Redirect.to(out.toFile())).redirectError(Redirect.to(err.toFile()));
    try {
      return builder.start();
    } catch (IOException e) {
      throw new CommandException(
          "%s cannot be started: %s. Is the program there? Its path is an option of the scheduler"
              .formatted(command.get(0), e.getMessage()),
          e);
    }
  }

  private static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  private static String quote(List<String> command, Path out, Path err) throws IOException {
    String said = (read(err) + read(out)).strip();
    return "%s. The command was: %s"
        .formatted(
            said.isEmpty() ? "" : ": " + StringUtils.abbreviate(said, LONGEST_QUOTE),
            StringUtils.abbreviate(String.join(" ", command), LONGEST_QUOTE));
  }

  private static String read(Path file) throws IOException {
    return new String(Files.readAllBytes(file), Charset.defaultCharset());
  }

  private static String name(List<String> command) {
    return String.valueOf(Path.of(command.get(0)).getFileName());
  }

  private static String text(Duration timeout) {
    return timeout.toMillis() % 1000 == 0 ? timeout.toSeconds() + " s" : timeout.toMillis() + " ms";
  }
}
