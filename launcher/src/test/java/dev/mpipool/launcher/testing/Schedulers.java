package dev.mpipool.launcher.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * Real batch schedulers on this host, for tests. They need root, Debian's packages, and to be asked
 * for: {@code -Dmpipool.test.schedulers=true}.
 */
public final class Schedulers {
  private static final Path SCRIPTS = Mpjrun.home().resolve("pool-compat/src/test/scripts");

  private Schedulers() {}

  /**
   * Starts one, or leaves the test out and says why.
   *
   * @param name of the script that starts it
   * @param daemon of the scheduler, which tells whether it is installed
   * @param arguments of the script's start
   * @return what the script printed last
   */
  public static String start(String name, String daemon, String... arguments)
      throws IOException, InterruptedException {
    Assumptions.assumeTrue(
        Boolean.getBoolean("mpipool.test.schedulers"),
        name + ": not asked for; -Dmpipool.test.schedulers=true does, on a machine for tests");
    Assumptions.assumeTrue(
        System.getProperty("user.name").equals("root")
            && Files.isExecutable(Path.of("/usr/sbin", daemon)),
        name + " is not installed, or this is not root");
    List<String> command = new ArrayList<>(List.of(script(name), "start"));
    command.addAll(List.of(arguments));
    List<String> said = command(command.toArray(String[]::new)).lines().toList();
    return said.isEmpty() ? "" : said.get(said.size() - 1);
  }

  /** Stops one, unless it ran before {@link #start}. */
  public static void stop(String name) throws IOException, InterruptedException {
    command(script(name), "stop");
  }

  private static String script(String name) {
    return SCRIPTS.resolve(name + ".sh").toString();
  }

  /**
   * Runs a command, which must succeed, and returns its output. Daemons that it starts keep its
   * standard output open, so that goes into a file.
   */
  public static String command(String... command) throws IOException, InterruptedException {
    Path out = Files.createTempFile("mpipool-scheduler", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile())
              .start();
      boolean ended = process.waitFor(120, TimeUnit.SECONDS);
      String text = Files.readString(out, StandardCharsets.UTF_8);
      assertThat(ended && process.exitValue() == 0).as(text).isTrue();
      return text;
    } finally {
      Files.delete(out);
    }
  }
}
