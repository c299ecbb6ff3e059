package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.jetbrains.kotlin.cli.common.ExitCode;
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The rows of Kotlin in the table of docs/lambdas.md: a program in Kotlin is compiled for them. */
@Timeout(120)
class KotlinTest extends WithWovenPool {
  private static final String SOURCE = "src/test/kotlin/KotlinLambdas.kt";
  private static final String PACKAGE = "dev.mpipool.agent.kotlin.";
  private static final String TASKS = PACKAGE + "KotlinLambdas";

  @TempDir private static Path folder;

  private static Map<String, byte[]> compiled;

  KotlinTest() throws Exception {
    super(Woven.of(classes()));
  }

  private static synchronized Map<String, byte[]> classes() throws Exception {
    if (compiled == null) {
      Path library =
          Path.of(
              Class.forName("kotlin.Unit")
                  .getProtectionDomain()
                  .getCodeSource()
                  .getLocation()
                  .toURI());
      ByteArrayOutputStream messages = new ByteArrayOutputStream();
      ExitCode code =
          new K2JVMCompiler()
              .exec(
                  new PrintStream(messages, true, StandardCharsets.UTF_8),
                  "-no-reflect",
                  "-no-stdlib",
                  "-jvm-target",
                  "17",
                  "-classpath",
                  library.toString(),
                  "-d",
                  folder.toString(),
                  SOURCE);
      assertThat(code).as(messages.toString(StandardCharsets.UTF_8)).isEqualTo(ExitCode.OK);
      compiled = Sources.classes(folder);
    }
    return compiled;
  }

  static Stream<ShapeRow> rows() {
    return ShapeRow.all().filter(ShapeRow::isOfKotlin);
  }

  @Test
  void theTableHasAll() throws Exception {
    assertThat(rows().flatMap(row -> row.tasks().stream()))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(woven.loadClass(TASKS).getDeclaredMethods())
                .filter(method -> method.getReturnType() == Callable.class)
                .map(Method::getName)
                .toList());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void itIsAsTheRowSays(ShapeRow row) throws Exception {
    assertThat(row.tasks()).isNotEmpty();
    for (String name : row.tasks()) {
      Callable<?> task = (Callable<?>) woven.call(TASKS, name);
      if (row.works()) {
        // Twice, as another copy each time: what the first changes is not seen by the second.
        Object result = run(task);
        assertThat(run(task)).as(name).isEqualTo(result).isEqualTo(task.call());
      } else {
        assertThatThrownBy(() -> run(task))
            .isInstanceOf(ExecutionException.class)
            .cause()
            .satisfies(
                failure ->
                    assertThat(failure.getMessage().replace(PACKAGE, "")).contains(row.message()));
      }
    }
  }
}
