package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import dev.mpipool.serial.ForySerializer;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.Serializer;
import dev.mpipool.testing.Ranks;
import java.io.File;
import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.fory.Fory;
import org.apache.fory.ThreadSafeFory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Another serializer than Java's, on two local workers and on ranks of a local communicator. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class SerializerTest {

  private static final String PROPERTY = "mpipool.serializer";

  private static final Serializer FORY = new ForySerializer();

  private static final AtomicInteger RAN = new AtomicInteger();

  /** A class of the program that Java's serialization would not take. */
  static final class Star {
    final String name;
    final List<Star> planets = new ArrayList<>();
    Star companion;

    Star(String name) {
      this.name = name;
    }

    Star with(Star planet) {
      planets.add(planet);
      return this;
    }
  }

  record Orbit(Star around, double radius) {}

  static final class StarException extends Exception {
    private static final long serialVersionUID = 1;
    final Star star;
    final int mass;

    StarException(String message, int mass) {
      super(message);
      this.star = new Star("lost");
      this.mass = mass;
    }
  }

  static final class PlainTask implements Callable<String> {
    private final Star star = new Star("Vega");

    @Override
    public String call() {
      return star.name;
    }
  }

  static final class Size implements SerializableFunction<List<?>, Integer> {
    private static final long serialVersionUID = 1;

    @Override
    public Integer apply(List<?> list) {
      return list.size();
    }
  }

  /** As a program may write one: what Java's makes, with every bit turned. */
  public static final class Turning implements Serializer {

    static final AtomicInteger USED = new AtomicInteger();

    private final Serializer java = new JavaSerializer(Turning.class.getClassLoader());

    @Override
    public ByteBuffer encode(Object value) throws Exception {
      USED.incrementAndGet();
      return turned(java.encode(value));
    }

    @Override
    public Object decode(ByteBuffer bytes) throws Exception {
      return java.decode(turned(bytes));
    }

    private static ByteBuffer turned(ByteBuffer bytes) {
      byte[] turned = new byte[bytes.remaining()];
      bytes.duplicate().get(turned);
      for (int i = 0; i < turned.length; i++) {
        turned[i] = (byte) ~turned[i];
      }
      return ByteBuffer.wrap(turned);
    }
  }

  /** Says that it is one, and is none. */
  public static final class NoSerializer {}

  @AfterEach
  void forget() {
    System.clearProperty(PROPERTY);
  }

  private interface Body {
    void run(MPIExecutor executor) throws Exception;
  }

  private static void withFory(Body body) throws Exception {
    try (MPIExecutor executor = MPIExecutor.builder().serializer(FORY).open()) {
      body.run(executor);
    }
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  private static Throwable failure(Future<?> future) {
    try {
      throw new AssertionError("it has a result: " + get(future));
    } catch (ExecutionException e) {
      return e.getCause();
    } catch (Exception e) {
      return e;
    }
  }

  @Test
  void objectsThatAreNotSerializableTravelWhereverTasksHaveThem() throws Exception {
    withFory(
        executor -> {
          Star sun = new Star("Sun").with(new Star("Earth"));
          assertThat(get(executor.submit(() -> sun.planets.get(0).name))).isEqualTo("Earth");
          assertThat(get(executor.submit(star -> star, sun)).planets.get(0).name)
              .isEqualTo("Earth");
          assertThat(get(executor.submit((a, b) -> new Orbit(b, a), 1.5, sun)).around().name)
              .isEqualTo("Sun");
          assertThat(get(executor.submitToAll(() -> sun.name))).containsExactly("Sun", "Sun");
          assertThat(get(executor.submitGroup(2, own -> sun.name + own.rank())))
              .containsExactly("Sun0", "Sun1");
          assertThat(executor.map(star -> star.name + sun.name, List.of(sun, new Star("Vega"))))
              .containsExactly("SunSun", "VegaSun");
          Callable<String> task = new PlainTask();
          assertThat(get(executor.submit(task))).isEqualTo("Vega");
          assertThat(get(executor.submit(new Size(), List.of(sun, sun)))).isEqualTo(2);
          List<Star> captured = List.of(sun);
          assertThat(executor.map(x -> captured.get(x).name, List.of(0))).containsExactly("Sun");
        });
  }

  @Test
  void whatTheInitializerAndLambdasInLambdasCaptureTravels() throws Exception {
    Star sun = new Star("Sun");
    SerializableRunnable initializer = () -> System.setProperty("SerializerTest.star", sun.name);
    try (MPIExecutor executor =
        MPIExecutor.builder().serializer(FORY).initializer(initializer).open()) {
      assertThat(get(executor.submit(() -> System.getProperty("SerializerTest.star"))))
          .isEqualTo("Sun");
      SerializableFunction<String, String> inner = text -> text + sun.name;
      assertThat(get(executor.submit(() -> inner.apply("a ")))).isEqualTo("a Sun");
      assertThat((Object) get(executor.submit(f -> f.apply("an "), inner))).isEqualTo("an Sun");
      assertThat(get(executor.submit(() -> inner)).apply("the ")).isEqualTo("the Sun");
    } finally {
      System.clearProperty("SerializerTest.star");
    }
  }

  @Test
  void aGraphKeepsItsShapeAndBroadcastHandlesTravelInside() throws Exception {
    withFory(
        executor -> {
          Star one = new Star("one");
          Star two = new Star("two");
          one.companion = two;
          two.companion = one;
          Star back = get(executor.submit(star -> star, one));
          assertThat(back.companion.companion).isSameAs(back).isNotSameAs(one);
          List<Star> thrice = get(executor.submit(x -> x, new ArrayList<>(List.of(one, one, two))));
          assertThat(thrice.get(0)).isSameAs(thrice.get(1)).isSameAs(thrice.get(2).companion);
          try (Broadcast<Star> table = executor.broadcast(one)) {
            assertThat(get(executor.submit(() -> table.value().companion.name))).isEqualTo("two");
            assertThat((Object) get(executor.submit(t -> t.value().name, table))).isEqualTo("one");
            assertThat(
                    (Object) get(executor.submit(map -> map.get(1).value().name, Map.of(1, table))))
                .isEqualTo("one");
          }
        });
  }

  @Test
  void largeAndDeepAndManySidedValuesTravel() throws Exception {
    withFory(
        executor -> {
          List<Star> nothing = new ArrayList<>(Collections.nCopies(100_000, null));
          assertThat((Object) get(executor.submit(x -> x, nothing))).isEqualTo(nothing);
          Star deep = new Star("0");
          for (int i = 1; i < 150; i++) {
            Star next = new Star("" + i);
            next.companion = deep;
            deep = next;
          }
          assertThat((Object) get(executor.submit(x -> x.companion.companion.name, deep)))
              .isEqualTo("147");
          Map<String, double[]> map = Map.of("a", new double[100_000], "b", new double[] {1});
          assertThat(get(executor.submit(x -> x, map)).get("b")).containsExactly(1);
          assertThat(get(executor.submit(x -> x, new int[][] {{1}, {2, 3}}))[1])
              .containsExactly(2, 3);
        });
  }

  @Test
  void anExceptionArrivesAsItselfWithTheWorkersStackTrace() throws Exception {
    withFory(
        executor -> {
          Throwable thrown =
              failure(
                  executor.submit(
                      () -> {
                        throw new StarException("supernova", 9);
                      }));
          assertThat(thrown).isInstanceOf(StarException.class).hasMessage("supernova");
          assertThat(((StarException) thrown).mass).isEqualTo(9);
          assertThat(((StarException) thrown).star.name).isEqualTo("lost");
          assertThat(thrown.getStackTrace()[0].getClassName()).contains("SerializerTest");
          Exception captured = new StarException("captured", 1);
          assertThat(executor.map(x -> captured.getStackTrace()[0].getLineNumber(), List.of(1)))
              .containsExactly(captured.getStackTrace()[0].getLineNumber());
        });
  }

  @Test
  void whatItCannotWriteFailsTheOneTaskWithTheClassAndTheSerializer() throws Exception {
    withFory(
        executor -> {
          Thread thread = new Thread();
          for (Throwable failure :
              List.of(
                  failure(executor.submit(() -> thread.getName())),
                  failure(executor.submit(x -> 1, List.of(thread))),
                  failure(executor.submit(() -> new Thread[] {Thread.currentThread()})))) {
            assertThat(failure)
                .isInstanceOf(TaskSerializationException.class)
                .hasMessageContaining("cannot be written by Apache Fory 1.")
                .hasMessageContaining("java.lang.Thread");
          }
          assertThatThrownBy(() -> executor.map(x -> thread.getName(), List.of(1)).toList())
              .hasMessageContaining("cannot be written by Apache Fory 1.");
          assertThat(get(executor.submit(() -> 1))).isEqualTo(1);
        });
  }

  @Test
  void aLambdaStillHasToBeSerializable() throws Exception {
    withFory(
        executor -> {
          Callable<Integer> plain = () -> 1;
          assertThat(failure(executor.submit(plain)))
              .isInstanceOf(TaskSerializationException.class)
              .hasMessageContaining("submit it through a variable of type MPIExecutor");
        });
  }

  @Test
  void aForyOfTheProgramsOwnDecidesWhatIsLetIn() throws Exception {
    ThreadSafeFory strict = Fory.builder().withXlang(false).buildThreadSafeForyPool(2);
    strict.register(Star.class);
    try (MPIExecutor executor =
        MPIExecutor.builder().serializer(new ForySerializer(strict)).open()) {
      Star sun = new Star("Sun");
      assertThat(get(executor.submit(() -> sun.name))).isEqualTo("Sun");
      assertThat(executor.map(x -> sun.name + x, List.of(1))).containsExactly("Sun1");
      assertThat(failure(executor.submit(() -> new Orbit(sun, 1))))
          .isInstanceOf(TaskSerializationException.class)
          .hasMessageContaining("SerializerTest$Orbit")
          .hasMessageContaining("register");
    }
  }

  @Test
  void anotherImplementationIsAskedForWhatHasNoLeanForm() throws Exception {
    int before = Turning.USED.get();
    try (MPIExecutor executor = MPIExecutor.builder().serializer(new Turning()).open()) {
      assertThat((Object) get(executor.submit(x -> x + "!", "lean"))).isEqualTo("lean!");
      assertThat(Turning.USED).hasValue(before);
      assertThat((Object) get(executor.submit(x -> x.size(), List.of(1, 2)))).isEqualTo(2);
      assertThat(Turning.USED).hasValue(before + 1);
    }
  }

  @Test
  void resultsInACacheAreFoundAgain(@TempDir Path folder) throws Exception {
    List<List<Integer>> items = List.of(List.of(1), List.of(2));
    RAN.set(0);
    SerializableFunction<List<Integer>, Star> work =
        x -> new Star("%s, computed as number %d".formatted(x, RAN.incrementAndGet()));
    for (int round = 0; round < 2; round++) {
      try (MPIExecutor executor = MPIExecutor.builder().serializer(new ForySerializer()).open()) {
        assertThat(executor.batch().cachedIn(folder).map(work, items).map(star -> star.name))
            .hasSize(2)
            .first(STRING)
            .startsWith("[1], computed");
      }
    }
    assertThat(RAN).hasValue(2);
  }

  @Test
  void aResultOfAnotherSerializerInACacheIsNamed(@TempDir Path folder) throws Exception {
    withFory(
        executor ->
            assertThat(
                    executor.batch().cachedIn(folder).submit(x -> List.of(x), List.of(1)).results())
                .hasSize(1));
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThatThrownBy(
              () -> executor.batch().cachedIn(folder).submit(x -> List.of(x), List.of(1)).results())
          .hasStackTraceContaining("it was written by a serializer that a program has chosen");
    }
  }

  private static void disagree(Serializer main, Serializer worker, String... inMessage)
      throws Exception {
    Ranks.onAll(
        3,
        own -> {
          MPIExecutor.Builder options = MPIExecutor.builder().communicator(own);
          Serializer chosen = own.rank() == 2 ? worker : main;
          if (chosen != null) {
            options.serializer(chosen);
          }
          try (MPIExecutor executor = options.open()) {
            executor.workersExit();
            Throwable thrown = catchThrowable(() -> get(executor.submitToAll(() -> List.of(1))));
            assertThat(thrown instanceof ExecutionException ? thrown.getCause() : thrown)
                .isInstanceOf(BrokenExecutorException.class)
                .hasMessageContainingAll(inMessage)
                .hasMessageContaining("rank 2")
                .hasMessageContaining("serializer(...)");
            assertThatThrownBy(() -> executor.submit(() -> 1))
                .isInstanceOf(BrokenExecutorException.class);
          } catch (WorkersExitException e) {
            // a worker
          }
          return null;
        });
  }

  @Test
  void ranksThatDisagreeBreakThePoolWithBothNames() throws Exception {
    disagree(FORY, null, "Main encodes values by Apache Fory 1.", "Java's serialization");
    disagree(null, FORY, "Main encodes values by Java's serialization", "Apache Fory 1.");
    disagree(FORY, new Turning(), Turning.class.getName(), "Apache Fory 1.");
  }

  @Test
  void aFilterThatWouldNotBeAskedIsNoFilter() {
    ObjectInputFilter filter = info -> ObjectInputFilter.Status.UNDECIDED;
    MPIExecutor.Builder options = MPIExecutor.builder().filter(filter).serializer(FORY);
    assertThatThrownBy(options::open)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("filter(...) would not be asked")
        .hasMessageContaining("Apache Fory");
    System.setProperty(PROPERTY, Turning.class.getName());
    assertThatThrownBy(MPIExecutor.builder().filter(filter)::open)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("-Dmpipool.serializer=" + Turning.class.getName());
  }

  @Test
  void thePropertyChoosesForPoolsThatSayNothing() throws Exception {
    System.setProperty(PROPERTY, ForySerializer.class.getName());
    try (MPIExecutor executor = new MPIExecutor()) {
      Star sun = new Star("Sun");
      assertThat(get(executor.submit(() -> sun.name))).isEqualTo("Sun");
    }
    int before = Turning.USED.get();
    try (MPIExecutor executor = MPIExecutor.builder().serializer(new Turning()).open()) {
      assertThat(get(executor.submit(() -> List.of(1)))).containsExactly(1);
      assertThat(Turning.USED).hasValue(before + 1);
    }
  }

  @Test
  void aPropertyThatNamesNoSerializerSaysWhatIsWrong() {
    expectUnusable("dev.mpipool.Missing", "the class is not on the class path");
    expectUnusable(NoSerializer.class.getName(), "it does not implement dev.mpipool.serial.Ser");
    expectUnusable(Serializer.class.getName(), "no public class with a public constructor");
  }

  private static void expectUnusable(String name, String why) {
    System.setProperty(PROPERTY, name);
    assertThatThrownBy(MPIExecutor::new)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("-Dmpipool.serializer=" + name + " cannot be used: ", why);
  }

  @Test
  void withoutTheJarTheDependencyIsNamed() throws Exception {
    System.setProperty(PROPERTY, ForySerializer.class.getName());
    List<URL> path = new ArrayList<>();
    for (String entry :
        List.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))) {
      if (!new File(entry).getName().startsWith("fory")) {
        path.add(new File(entry).toURI().toURL());
      }
    }
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    try (URLClassLoader bare =
        new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      Thread.currentThread().setContextClassLoader(bare);
      Class<?> type = bare.loadClass(MPIExecutor.class.getName());
      assertThatThrownBy(() -> type.getConstructor().newInstance())
          .cause()
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("-Dmpipool.serializer=dev.mpipool.serial.ForySerializer")
          .hasMessageContaining("add the jar of org.apache.fory:fory-core");
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }

  record Wanted(Serializable any) implements Serializable {}

  @Test
  void objectsStillTravelByJavasSerializationUnlessAnotherIsChosen() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThat((Object) get(executor.submit(x -> x, new Wanted("a")))).isEqualTo(new Wanted("a"));
      Star sun = new Star("Sun");
      assertThat(failure(executor.submit(() -> sun.name)))
          .hasMessageContaining("is not serializable");
      assertThat(Arrays.asList(1, null))
          .isEqualTo(get(executor.submit(x -> x, Arrays.asList(1, null))));
    }
  }
}
