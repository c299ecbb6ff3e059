package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.Ranks;
import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What may be made of bytes from other ranks: main is rank 0, and each rank has its own filter. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class FilterTest {

  private static final ObjectInputFilter ALL = info -> ObjectInputFilter.Status.UNDECIDED;
  private static final ObjectInputFilter NO_GADGETS = pattern("!dev.mpipool.FilterTest$Gadget*");

  record Gadget(int value) implements Serializable {}

  enum GadgetKind {
    ONE
  }

  static final class GadgetException extends Exception {
    private static final long serialVersionUID = 1;
  }

  /** Lambdas that stand in a class that is not wanted. */
  static final class GadgetMaker {
    private GadgetMaker() {}

    static SerializableCallable<Integer> lambda() {
      return () -> 1;
    }

    static SerializableCallable<Integer> capturing(int value) {
      return () -> value;
    }

    static SerializableFunction<Object, Integer> function() {
      return x -> 1;
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // users do it, too
  record Wanted(String name, int[] numbers, Integer boxed) implements Serializable {}

  private static ObjectInputFilter pattern(String pattern) {
    return ObjectInputFilter.Config.createFilter(pattern);
  }

  private interface Body {
    void run(MPIExecutor executor) throws Exception;
  }

  private static void inPool(ObjectInputFilter main, ObjectInputFilter worker, Body body)
      throws Exception {
    Ranks.onAll(
        2,
        own -> {
          MPIExecutor.Builder options = MPIExecutor.builder().communicator(own);
          try (MPIExecutor executor = options.filter(own.rank() == 0 ? main : worker).open()) {
            executor.workersExit();
            body.run(executor);
            assertThat((Object) get(executor.submit(x -> x + 1, 41))).isEqualTo(42);
          } catch (WorkersExitException e) {
            // a worker
          }
          return null;
        });
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  private static void expectRejected(Future<?> future, String type, String where, String cure) {
    assertThatThrownBy(() -> get(future))
        .cause()
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining(type)
        .hasMessageContaining("rejected by the filter of this pool")
        .hasMessageContaining(where)
        .hasMessageContaining(cure);
  }

  private static void expectRejectedOnRank1(Future<?> future, String type) {
    expectRejected(future, "FilterTest$" + type, "on rank 1", "MPIExecutor.builder().filter");
  }

  @Test
  void whatAWorkerRejectsFailsTheOneTaskThatBringsIt() throws Exception {
    inPool(
        ALL,
        NO_GADGETS,
        executor -> {
          Gadget captured = new Gadget(1);
          expectRejectedOnRank1(executor.submit(() -> captured.value), "Gadget");
          expectRejectedOnRank1(executor.submit(x -> 1, new Gadget(1)), "Gadget");
          expectRejectedOnRank1(executor.submit(x -> 1, GadgetKind.ONE), "GadgetKind");
          expectRejectedOnRank1(executor.submit(x -> 1, List.of(1, new Gadget(2))), "Gadget");
          expectRejectedOnRank1(executor.submitToAll(() -> captured.value), "Gadget");
          expectRejectedOnRank1(executor.submitGroup(1, group -> captured.value), "Gadget");
        });
  }

  @Test
  void aLambdaIsJudgedByTheClassItStandsIn() throws Exception {
    inPool(
        ALL,
        NO_GADGETS,
        executor -> {
          expectRejectedOnRank1(executor.submit(GadgetMaker.lambda()), "GadgetMaker");
          expectRejectedOnRank1(executor.submit(GadgetMaker.lambda()), "GadgetMaker");
          expectRejectedOnRank1(executor.submit(GadgetMaker.capturing(3)), "GadgetMaker");
          expectRejectedOnRank1(executor.submit(GadgetMaker.function(), 1), "GadgetMaker");
          Serializable nested = GadgetMaker.lambda();
          expectRejectedOnRank1(executor.submit(x -> 1, nested), "GadgetMaker");
          Batch<Integer> batch = executor.submitBatch(GadgetMaker.function(), List.of(1, 2));
          for (CompletableFuture<Integer> element : batch) {
            expectRejectedOnRank1(element, "GadgetMaker");
          }
        });
  }

  @Test
  void whatMainRejectsFailsTheOneFutureItWasFor() throws Exception {
    inPool(
        NO_GADGETS,
        ALL,
        executor -> {
          String cure = "MPIExecutor.builder().filter";
          String gadget = "FilterTest$Gadget";
          expectRejected(executor.submit(() -> new Gadget(1)), gadget, "on main", cure);
          expectRejected(executor.submit(() -> GadgetKind.ONE), gadget, "on main", cure);
          expectRejected(executor.submit(GadgetMaker::lambda), gadget, "on main", cure);
          expectRejected(executor.submitToAll(() -> new Gadget(1)), gadget, "on main", cure);
          assertThatThrownBy(
                  () ->
                      get(
                          executor.submit(
                              () -> {
                                throw new GadgetException();
                              })))
              .cause()
              .isInstanceOf(RemoteTaskException.class)
              .hasMessageContaining("GadgetException")
              .extracting(e -> ((RemoteTaskException) e).remoteStackTrace())
              .asString()
              .contains("at dev.mpipool.FilterTest")
              .contains("on main: class dev.mpipool.FilterTest$GadgetException was rejected by");
        });
  }

  @Test
  void inABatchOnlyTheElementsThatAreRejectedFail() throws Exception {
    inPool(
        NO_GADGETS,
        ALL,
        executor -> {
          List<Integer> items = List.of(0, 1, 2);
          SerializableFunction<Integer, Object> function = x -> x == 1 ? new Gadget(x) : (Object) x;
          List<CompletableFuture<Object>> elements = new ArrayList<>();
          executor.batch().chunkSize(3).submit(function, items).ordered().forEach(elements::add);
          assertThat(get(elements.get(0))).isEqualTo(0);
          expectRejected(elements.get(1), "FilterTest$Gadget", "element 1", "on main");
          assertThat(get(elements.get(2))).isEqualTo(2);
        });
  }

  @Test
  void primitiveArraysAreBoundedByMaxarrayWhereverTheyStand() throws Exception {
    ObjectInputFilter hundred = pattern("maxarray=100");
    inPool(
        hundred,
        hundred,
        executor -> {
          assertThat((Object) get(executor.submit(x -> x.length, new double[100]))).isEqualTo(100);
          expectRejected(
              executor.submit(x -> x.length, new double[101]), "double[]", "length 101", "rank 1");
          expectRejected(
              executor.submit(x -> 1, List.of(new int[101])), "int[]", "length 101", "rank 1");
          expectRejected(executor.submit(() -> new byte[101]), "byte[]", "length 101", "on main");
        });
  }

  @Test
  void aListOfTheProgramsOwnClassesIsEnough() throws Exception {
    ObjectInputFilter own = pattern("dev.mpipool.FilterTest*;!*");
    inPool(
        own,
        own,
        executor -> {
          Wanted wanted = new Wanted("a", new int[] {1}, 5);
          String text = "b";
          assertThat(get(executor.submit(() -> wanted.name + text + wanted.boxed)))
              .isEqualTo("ab5");
          assertThat(get(executor.submit(x -> x, wanted)).boxed).isEqualTo(5);
          assertThat(executor.map(x -> x.name + text, List.of(wanted)).toList())
              .containsExactly("ab");
          try (Broadcast<Wanted> broadcast = executor.broadcast(wanted)) {
            assertThat(get(executor.submit(() -> broadcast.value().name))).isEqualTo("a");
          }
          expectRejected(
              executor.submit(x -> 1, List.of(1)), "java.util.CollSer", "rank 1", "filter(...)");
        });
  }

  @Test
  void aBroadcastValueThatIsRejectedFailsTheTaskThatAsksForIt() throws Exception {
    inPool(
        ALL,
        NO_GADGETS,
        executor -> {
          try (Broadcast<Object> broadcast = executor.broadcast(new Gadget(1))) {
            assertThatThrownBy(() -> get(executor.submit(() -> broadcast.value().hashCode())))
                .hasRootCauseInstanceOf(java.io.InvalidClassException.class)
                .hasMessageContaining("FilterTest$Gadget was rejected");
          }
        });
  }

  @Test
  void aFilterThatThrowsRejects() throws Exception {
    ObjectInputFilter broken =
        info -> {
          if (info.serialClass() == Gadget.class) {
            throw new IllegalStateException("cannot tell");
          }
          return ObjectInputFilter.Status.UNDECIDED;
        };
    inPool(
        ALL,
        broken,
        executor ->
            assertThatThrownBy(() -> get(executor.submit(x -> 1, new Gadget(1))))
                .hasMessageContaining("FilterTest$Gadget was rejected")
                .hasRootCauseMessage("cannot tell"));
  }

  @Test
  void nullIsNoFilter() {
    assertThatThrownBy(() -> MPIExecutor.builder().filter(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("filter");
  }

  /** A program of its own, for the JVM's filter is set for good when it starts. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) throws Exception {
      try (MPIExecutor executor = new MPIExecutor()) {
        System.out.println(outcome(executor.submit(x -> 1, new Gadget(1))));
        System.out.println(outcome(executor.submit(() -> new Gadget(1))));
        System.out.println(outcome(executor.submit(GadgetMaker.lambda())));
        System.out.println(outcome(executor.submit(() -> new long[1001])));
        System.out.println(outcome(executor.submit(x -> x + 1, 41)));
      }
    }

    private static String outcome(Future<?> future) throws Exception {
      try {
        return String.valueOf(get(future));
      } catch (java.util.concurrent.ExecutionException e) {
        return e.getCause().getMessage();
      }
    }
  }

  @Test
  void theJvmsOwnFilterHoldsWithoutABuilders() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djdk.serialFilter=maxarray=1000;!dev.mpipool.FilterTest$Gadget*",
                "-Dmpipool.local.workers=1",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(process.waitFor(40, TimeUnit.SECONDS)).isTrue();
      List<String> lines = process.inputReader().lines().toList();
      assertThat(lines).hasSize(5);
      assertThat(lines.subList(0, 4))
          .allMatch(line -> line.contains("rejected by the jdk.serialFilter of this JVM"));
      assertThat(lines.get(0)).contains("FilterTest$Gadget was").contains("on rank 1");
      assertThat(lines.get(1)).contains("FilterTest$Gadget was").contains("on main");
      assertThat(lines.get(2)).contains("FilterTest$GadgetMaker was").contains("on rank 1");
      assertThat(lines.get(3)).contains("long[] was").contains("on main");
      assertThat(lines.get(4)).isEqualTo("42");
    } finally {
      process.destroyForcibly();
    }
  }
}
