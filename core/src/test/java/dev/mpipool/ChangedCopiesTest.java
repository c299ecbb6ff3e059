package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;

/** A task without a result that changes what it has captured, which is a copy. */
@Isolated("replaces System.err")
@Timeout(60)
class ChangedCopiesTest {

  private final PrintStream err = System.err;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private MPIExecutor executor;

  @BeforeEach
  void open() {
    executor = new MPIExecutor();
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void close() {
    System.setErr(err);
    executor.close();
  }

  private void run(Runnable task) throws Exception {
    executor.submit(task).get(20, TimeUnit.SECONDS);
  }

  private String printed() {
    return printed.toString(StandardCharsets.UTF_8);
  }

  @Test
  void isSaidOnceForEachPlace() throws Exception {
    int[] count = {0};
    for (int i = 0; i < 5; i++) {
      run((Runnable & Serializable) () -> count[0]++);
    }
    assertThat(count[0]).isZero();
    assertThat(printed())
        .hasLineCount(1)
        .contains("The task lambda in " + getClass().getName() + ".isSaidOnceForEachPlace has")
        .contains("has changed what it has captured (int[] count)")
        .contains("Return the value instead");
  }

  @Test
  void isSaidOfAtomicsAndObjectsOfTheProgram() throws Exception {
    AtomicInteger sum = new AtomicInteger();
    run((Runnable & Serializable) () -> sum.incrementAndGet());
    assertThat(printed()).contains("(java.util.concurrent.atomic.AtomicInteger sum)");
    run(new Counter());
    assertThat(printed()).contains(Counter.class.getName() + " has changed the fields of its own");
  }

  @Test
  void theVariableIsNamedAmongOthers() throws Exception {
    long wide = 5;
    double other = 2;
    List<Integer> sums = new ArrayList<>();
    String text = "text";
    run((Runnable & Serializable) () -> sums.add((int) (wide + other) + text.length()));
    assertThat(printed()).contains("(java.util.ArrayList sums)");
  }

  @Test
  void theObjectThatALambdaStandsInIsThis() throws Exception {
    new Owner().countBy(this);
    assertThat(printed()).contains("(" + Owner.class.getName() + " this)");
  }

  @Test
  void aReferenceToAMethodNamesTheType() throws Exception {
    Runnable task = (Runnable & Serializable) new Counter()::run;
    run(task);
    assertThat(printed()).contains("(" + Counter.class.getName() + ")");
  }

  private static final class Owner implements Serializable {
    private static final long serialVersionUID = 1;
    private int count;

    void countBy(ChangedCopiesTest test) throws Exception {
      test.run((Runnable & Serializable) () -> count++);
    }

    @Override
    public String toString() {
      return "counted " + count;
    }
  }

  @Test
  void isNotSaidOfTasksThatOnlyRead() throws Exception {
    int[] numbers = {1, 2, 3};
    List<String> texts = new ArrayList<>(List.of("text"));
    run(
        (Runnable & Serializable)
            () -> {
              if (numbers[0] + texts.size() != 2) {
                throw new IllegalStateException();
              }
            });
    assertThat(printed()).isEmpty();
  }

  @Test
  void isNotSaidOfTasksThatReturnWhatTheyMakeOfIt() throws Exception {
    int[] numbers = {3, 1, 2};
    int least =
        executor
            .submit(
                () -> {
                  Arrays.sort(numbers);
                  return numbers[0];
                })
            .get(20, TimeUnit.SECONDS);
    assertThat(least).isEqualTo(1);
    assertThat(printed()).isEmpty();
  }

  @Test
  void isNotSaidOfWhatATaskReturns() throws Exception {
    int[] one = {3};
    int[] doubled =
        executor
            .submit(
                () -> {
                  one[0] *= 2;
                  return one;
                })
            .get(20, TimeUnit.SECONDS);
    assertThat(doubled).containsExactly(6);
    assertThat(printed()).isEmpty();
  }

  @Test
  void isSaidOfWhatIsMadeToBeSharedWhateverTheTaskReturns() throws Exception {
    int[] variable = {0};
    executor.submit(() -> variable[0]++).get(20, TimeUnit.SECONDS);
    assertThat(printed()).hasLineCount(1).contains("(int[] variable)");
    List<String> names = new CopyOnWriteArrayList<>();
    executor.submit(() -> names.add("name")).get(20, TimeUnit.SECONDS);
    assertThat(printed())
        .hasLineCount(2)
        .contains("(java.util.concurrent.CopyOnWriteArrayList names)");
  }

  @Test
  void aWrapperOfALibraryIsRefusedWithACure() {
    int[] counted = {0};
    Runnable wrapper =
        new Runnable() {
          @Override
          public void run() {
            counted[0]++;
          }
        };
    assertThatThrownBy(() -> executor.execute(wrapper))
        .hasMessageContaining("is not serializable. Let its class implement Serializable")
        .hasMessageContaining("past the library");
  }

  private static final class Counter implements Runnable, Serializable {
    private static final long serialVersionUID = 1;
    private int count;

    @Override
    public void run() {
      count++;
    }

    @Override
    public String toString() {
      return "counted " + count;
    }
  }
}
