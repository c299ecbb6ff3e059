package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Serializable;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class TaskNameTest {

  private static final String HERE = TaskNameTest.class.getName();

  record Job() implements Callable<Integer>, Serializable {
    @Override
    public Integer call() {
      return 1;
    }
  }

  @Test
  void aLambdaIsNamedByTheMethodItStandsIn() {
    Callable<Integer> lambda = (Callable<Integer> & Serializable) () -> 1;

    assertThat(TaskName.of(lambda))
        .isEqualTo("lambda in " + HERE + ".aLambdaIsNamedByTheMethodItStandsIn");
  }

  @Test
  void aLambdaThatIsNotSerializableIsNamedByTheClassItStandsIn() {
    Callable<Integer> lambda = () -> 1;

    assertThat(TaskName.of(lambda)).isEqualTo("lambda in " + HERE);
  }

  @Test
  void aLambdaOfKotlinIsNamedByTheMethodItStandsIn() {
    Callable<Integer> lambda = (Callable<Integer> & Serializable) TaskNameTest::task$lambda$0;

    assertThat(TaskName.of(lambda)).isEqualTo("lambda in " + HERE + ".task");
  }

  /** As Kotlin's compiler names a lambda's code. */
  @SuppressWarnings("MemberName")
  private static int task$lambda$0() {
    return 1;
  }

  @Test
  void aMethodReferenceIsNamedByItsMethod() {
    Function<String, Integer> parse = (Function<String, Integer> & Serializable) Integer::parseInt;

    assertThat(TaskName.of(parse)).isEqualTo("java.lang.Integer.parseInt");
  }

  @Test
  void anythingElseIsNamedByItsClass() {
    assertThat(TaskName.of(new Job())).isEqualTo(HERE + "$Job");
    assertThat(TaskName.of(null)).isEqualTo("null");
  }
}
