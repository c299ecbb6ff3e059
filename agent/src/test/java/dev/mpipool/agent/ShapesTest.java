package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.agent.shapes.Lambdas;
import dev.mpipool.agent.shapes.Refused;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The table of docs/lambdas.md: each of its rows names tasks, which run on local workers here. */
@Timeout(60)
class ShapesTest extends WithWovenPool {

  private static final String SHAPES = Lambdas.class.getPackageName();

  ShapesTest() {
    super(SHAPES);
  }

  static Stream<ShapeRow> rows() {
    return ShapeRow.all().filter(row -> !row.isOfKotlin());
  }

  private static Stream<String> methods(Class<?> type, Class<?> result) {
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> method.getReturnType() == result && method.getParameterCount() == 0)
        .filter(method -> !method.isSynthetic())
        .map(Method::getName);
  }

  @Test
  void theTableHasAll() {
    assertThat(rows().filter(ShapeRow::works).flatMap(row -> row.tasks().stream()))
        .containsExactlyInAnyOrderElementsOf(
            Stream.concat(
                    methods(Lambdas.class, Supplier.class), methods(Lambdas.class, Callable.class))
                .toList());
    assertThat(rows().filter(row -> !row.works()).flatMap(row -> row.tasks().stream()))
        .containsExactlyInAnyOrderElementsOf(methods(Refused.class, Callable.class).toList());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void itIsAsTheRowSays(ShapeRow row) throws Exception {
    assertThat(row.tasks()).isNotEmpty();
    for (String name : row.tasks()) {
      if (row.works()) {
        works(name);
      } else {
        String message = row.message();
        Callable<?> task = (Callable<?>) woven.call(Refused.class, name);
        assertThatThrownBy(() -> run(task))
            .isInstanceOf(ExecutionException.class)
            .cause()
            .satisfies(
                failure ->
                    assertThat(failure.getMessage().replace(SHAPES + ".", "")).contains(message));
      }
    }
  }

  private void works(String name) throws Exception {
    Object made = woven.call(Lambdas.class, name);
    if (made instanceof Callable<?> task) {
      assertThat(run(task)).as(name).isEqualTo(task.call());
      return;
    }
    Method ofSupplier =
        woven.loadClass(Lambdas.class.getName()).getDeclaredMethod("task", Supplier.class);
    ofSupplier.setAccessible(true);
    Callable<?> task = (Callable<?>) ofSupplier.invoke(null, made);
    assertThat(run(task)).as(name).isEqualTo(((Supplier<?>) made).get());
  }
}
