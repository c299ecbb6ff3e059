package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A pool in a JVM whose class path has nothing but core and what core's POM names for use. */
@Timeout(60)
class CoreAloneTest {

  /** The program of that JVM. */
  static final class Pool {

    private Pool() {}

    public static void main(String[] args) {
      assertThatNothingKnows("mpi.MPI");
      MPIExecutor.run(
          args,
          (executor, own) -> System.out.println("answer " + executor.submit(() -> 6 * 7).get()));
    }

    private static void assertThatNothingKnows(String name) {
      try {
        Class.forName(name);
        throw new IllegalStateException(name + " is there");
      } catch (ClassNotFoundException e) {
        // as it should
      }
    }
  }

  @Test
  void aPoolRunsOnCoreAlone() throws Exception {
    String path =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(
                entry ->
                    entry.matches(".*[/\\\\]((test-)?classes|(commons-lang3|slf4j-api)[^/]*jar)/?"))
            .collect(Collectors.joining(File.pathSeparator));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dmpipool.local.workers=2",
                "-cp",
                path,
                Pool.class.getName())
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(out).contains("answer 42");
    assertThat(process.exitValue()).isZero();
  }

  @Test
  void noClassOfMpjExpressIsThere() {
    assertThatThrownBy(() -> Class.forName("mpi.MPI")).isInstanceOf(ClassNotFoundException.class);
  }
}
