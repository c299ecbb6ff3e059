package dev.mpipool.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that java compiles and runs in one step, in a JVM of its own with local workers. */
public final class SourceProgram {

  private static final int LIMIT_SECONDS = 100;

  private SourceProgram() {}

  /**
   * Runs a program to its end, with exit code 0.
   *
   * @param source of the class Program
   * @param folder for its files
   * @return the lines that it printed
   */
  public static List<String> run(String source, Path folder) throws Exception {
    Path program = Files.writeString(folder.resolve("Program.java"), source);
    Path output = folder.resolve("output");
    Process java =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dmpipool.local.workers=2",
                "-cp",
                System.getProperty("java.class.path"),
                program.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(java.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    } finally {
      java.destroyForcibly();
    }
    List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
    assertThat(java.exitValue()).as("%s", lines).isZero();
    return lines;
  }
}
