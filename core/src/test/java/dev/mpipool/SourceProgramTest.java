package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A program that Java runs from its source has a class loader of its own. */
@Timeout(120)
class SourceProgramTest {

  private static final String PROGRAM =
      """
      import dev.mpipool.MPIExecutor;
      import java.util.*;

      public class Program {
        record P(int a) implements java.io.Serializable {}
        enum E { A { int f() { return 1; } }; abstract int f(); }
        static class Odd extends RuntimeException {}

        public static void main(String[] args) throws Exception {
          MPIExecutor.run(args, (executor, arguments) -> {
            System.out.println(executor.submit(() -> 6 * 7).get());
            System.out.println(executor.submit(p -> new P(p.a() + 1), new P(3)).get());
            System.out.println(executor.submit(l -> l, new ArrayList<>(List.of(new P(1), E.A))).get());
            System.out.println(executor.submit(l -> l, new HashMap<>(Map.of(new P(1), E.A))).get());
            System.out.println(executor.map(x -> new P(x), List.of(1, 2)).toList());
            try {
              executor.submit(() -> { throw new Odd(); }).get();
            } catch (Exception e) {
              System.out.println(e.getCause());
            }
          });
        }
      }
      """;

  @Test
  void itsClassesAreFound(@TempDir Path folder) throws Exception {
    Path source = folder.resolve("Program.java");
    Files.writeString(source, PROGRAM);
    Path output = folder.resolve("output");
    Process java =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dmpipool.local.workers=2",
                "-cp",
                System.getProperty("java.class.path"),
                source.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(java.waitFor(100, TimeUnit.SECONDS)).isTrue();
    } finally {
      java.destroyForcibly();
    }
    List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
    assertThat(lines)
        .containsSubsequence(
            "42", "P[a=4]", "[P[a=1], A]", "{P[a=1]=A}", "[P[a=1], P[a=2]]", "Program$Odd");
    assertThat(java.exitValue()).isZero();
  }
}
