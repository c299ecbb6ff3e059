package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.testing.SourceProgram;
import java.nio.file.Path;
import java.util.List;
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
    List<String> lines = SourceProgram.run(PROGRAM, folder);
    assertThat(lines)
        .containsSubsequence(
            "42", "P[a=4]", "[P[a=1], A]", "{P[a=1]=A}", "[P[a=1], P[a=2]]", "Program$Odd");
  }
}
