package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.SourceProgram;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** CompletableFuture's own asynchronous methods, with a pool of two local workers. */
@Timeout(120)
@ExtendWith(LocalPools.class)
class AsyncStageTest {

  private static final AtomicInteger EFFECTS = new AtomicInteger();

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    executor = new MPIExecutor();
    EFFECTS.set(0);
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private interface ToGive extends Supplier<Object>, Serializable {}

  private interface ToRun extends Runnable, Serializable {}

  private interface ToApply extends Function<Object, Object>, Serializable {}

  private interface ToCombine extends BiFunction<Object, Object, Object>, Serializable {}

  private interface ToHandle extends BiFunction<Object, Throwable, Object>, Serializable {}

  private interface ToRecover extends Function<Throwable, Object>, Serializable {}

  private interface ToAccept extends Consumer<Object>, Serializable {}

  private interface ToAcceptBoth extends BiConsumer<Object, Object>, Serializable {}

  private interface ToSee extends BiConsumer<Object, Throwable>, Serializable {}

  private static Object onWorker(Object value) {
    assertThat(MPIExecutor.currentRank()).isPositive();
    return value;
  }

  private static void effectOnWorker() {
    assertThat(MPIExecutor.currentRank()).isPositive();
    EFFECTS.incrementAndGet();
  }

  private static Object fail(RuntimeException failure) {
    throw failure;
  }

  private static Object get(CompletionStage<?> stage) throws Exception {
    return stage.toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  /** A stage after one or two others. */
  private interface Stage {
    CompletionStage<?> of(CompletableFuture<Object> a, CompletableFuture<Object> b, Executor on);
  }

  private static final Map<String, Stage> EFFECTIVE =
      Map.of(
          "thenRun", (a, b, on) -> a.thenRunAsync((ToRun) () -> effectOnWorker(), on),
          "thenAccept", (a, b, on) -> a.thenAcceptAsync((ToAccept) x -> effectOnWorker(), on),
          "runAfterBoth", (a, b, on) -> a.runAfterBothAsync(b, (ToRun) () -> effectOnWorker(), on),
          "runAfterEither",
              (a, b, on) -> a.runAfterEitherAsync(b, (ToRun) () -> effectOnWorker(), on),
          "acceptEither",
              (a, b, on) -> a.acceptEitherAsync(b, (ToAccept) x -> effectOnWorker(), on),
          "thenAcceptBoth",
              (a, b, on) ->
                  a.thenAcceptBothAsync(b, (ToAcceptBoth) (x, y) -> effectOnWorker(), on));

  private static final Map<String, Stage> VALUED =
      Map.of(
          "thenApply", (a, b, on) -> a.thenApplyAsync((ToApply) x -> onWorker("a"), on),
          "thenCombine",
              (a, b, on) ->
                  a.thenCombineAsync(b, (ToCombine) (x, y) -> onWorker("" + x + y), on)
                      .thenApply(both -> both.equals("ab") ? "a" : both),
          "applyToEither", (a, b, on) -> a.applyToEitherAsync(b, (ToApply) x -> onWorker(x), on),
          "handle", (a, b, on) -> a.handleAsync((ToHandle) (x, e) -> onWorker(x), on),
          "whenComplete", (a, b, on) -> a.whenCompleteAsync((ToSee) (x, e) -> onWorker(x), on),
          "exceptionally",
              (a, b, on) ->
                  a.thenApply(x -> fail(new IllegalStateException("s")))
                      .exceptionallyAsync((ToRecover) e -> onWorker("a"), on),
          "exceptionally, not called",
              (a, b, on) -> a.exceptionallyAsync((ToRecover) e -> "called", on));

  static Stream<String> effective() {
    return EFFECTIVE.keySet().stream().sorted();
  }

  static Stream<String> valued() {
    return VALUED.keySet().stream().sorted();
  }

  @Test
  void theFirstFunctionRunsOnAWorker() throws Exception {
    CompletableFuture<Object> supplied =
        CompletableFuture.supplyAsync((ToGive) () -> onWorker(5), executor);
    assertThat(get(supplied)).isEqualTo(5);
    assertThat(get(CompletableFuture.runAsync((ToRun) () -> effectOnWorker(), executor))).isNull();
    assertThat(EFFECTS).hasValue(1);
    CompletableFuture<Object> mine = new CompletableFuture<>();
    assertThat(get(mine.completeAsync((ToGive) () -> onWorker(6), executor))).isEqualTo(6);
  }

  @ParameterizedTest
  @MethodSource("valued")
  void aFunctionRunsOnAWorkerWithWhatCameBefore(String name) throws Exception {
    CompletableFuture<Object> a = new CompletableFuture<>();
    CompletableFuture<Object> b = new CompletableFuture<>();
    CompletionStage<?> before = VALUED.get(name).of(a, b, executor);
    a.complete("a");
    b.complete("b");
    assertThat(get(before)).isEqualTo("a");
    assertThat(get(VALUED.get(name).of(a, b, executor))).isEqualTo("a");
  }

  @ParameterizedTest
  @MethodSource("effective")
  void anActionRunsOnAWorker(String name) throws Exception {
    CompletableFuture<Object> a = new CompletableFuture<>();
    CompletableFuture<Object> b = new CompletableFuture<>();
    CompletionStage<?> before = EFFECTIVE.get(name).of(a, b, executor);
    b.complete("b");
    a.complete("a");
    assertThat(get(before)).isNull();
    assertThat(get(EFFECTIVE.get(name).of(a, b, executor))).isNull();
    assertThat(EFFECTS).hasValue(2);
  }

  @Test
  void aStageAfterTheSecondOfTwoNeedsNoFirst() throws Exception {
    CompletableFuture<Object> never = new CompletableFuture<>();
    CompletableFuture<Object> second = new CompletableFuture<>();
    CompletableFuture<Object> either =
        never.applyToEitherAsync(second, (ToApply) x -> onWorker("got " + x), executor);
    second.complete("second");
    assertThat(get(either)).isEqualTo("got second");
  }

  @Test
  void stagesThatAreNoFuturesWork() throws Exception {
    CompletionStage<Object> minimal = CompletableFuture.completedStage("x");
    assertThat(get(minimal.thenApplyAsync((ToApply) x -> onWorker("after " + x), executor)))
        .isEqualTo("after x");
  }

  /** What a stage ends with, and what those after it see. */
  private static String outcome(CompletableFuture<?> stage) throws Exception {
    String seen =
        stage.handle((value, failure) -> value + " " + chain(failure)).get(20, TimeUnit.SECONDS);
    try {
      return seen + ", got " + stage.get(20, TimeUnit.SECONDS);
    } catch (ExecutionException | CancellationException e) {
      return seen + ", thrown " + chain(e) + ", cancelled " + stage.isCancelled();
    }
  }

  private static String chain(Throwable failure) {
    StringBuilder chain = new StringBuilder();
    for (Throwable e = failure; e != null; e = e.getCause()) {
      chain.append(e).append(" > ");
      for (Throwable suppressed : e.getSuppressed()) {
        chain.append("suppressed ").append(suppressed.getMessage());
      }
    }
    return chain.toString();
  }

  private static List<CompletableFuture<?>> failing(Executor on) {
    CompletableFuture<Object> failed =
        CompletableFuture.failedFuture(new IllegalStateException("before"));
    return List.of(
        CompletableFuture.supplyAsync((ToGive) () -> fail(new IllegalStateException("1")), on),
        CompletableFuture.supplyAsync(
            (ToGive) () -> fail(new CompletionException("2", new IllegalStateException("in"))), on),
        CompletableFuture.supplyAsync((ToGive) () -> fail(new CancellationException("3")), on),
        CompletableFuture.completedFuture((Object) 0)
            .thenApplyAsync((ToApply) x -> 1 / (Integer) x, on),
        failed.thenApplyAsync((ToApply) x -> x, on),
        failed.handleAsync((ToHandle) (x, e) -> x + " " + chain(e), on),
        failed.thenApply(x -> x).handleAsync((ToHandle) (x, e) -> x + " " + chain(e), on),
        failed.whenCompleteAsync((ToSee) (x, e) -> {}, on),
        CompletableFuture.failedFuture(new IllegalStateException("alone"))
            .whenCompleteAsync((ToSee) (x, e) -> fail(new IllegalStateException("4")), on),
        failed.exceptionallyAsync((ToRecover) e -> chain(e), on),
        failed.exceptionallyAsync((ToRecover) e -> fail(new IllegalStateException("5")), on),
        failed.runAfterEitherAsync(failed, (ToRun) () -> {}, on));
  }

  @Test
  void failuresComeAsThoseOfThePoolsOfTheJdk() throws Exception {
    ExecutorService jdks = Executors.newFixedThreadPool(2);
    try {
      List<CompletableFuture<?>> ours = failing(executor);
      List<CompletableFuture<?>> theirs = failing(jdks);
      for (int i = 0; i < ours.size(); i++) {
        assertThat(outcome(ours.get(i))).as("stage %s", i).isEqualTo(outcome(theirs.get(i)));
      }
    } finally {
      jdks.shutdownNow();
    }
  }

  @Test
  void aCancelledStageFreesItsWorker() throws Exception {
    List<CompletableFuture<Object>> stages =
        Stream.generate(Gate::make)
            .limit(2)
            .map(
                gate -> {
                  ToGive passing =
                      () -> {
                        try {
                          return Gate.pass(gate);
                        } catch (InterruptedException e) {
                          return EFFECTS.incrementAndGet();
                        }
                      };
                  CompletableFuture<Object> stage =
                      CompletableFuture.supplyAsync(passing, executor);
                  entered(gate);
                  return stage;
                })
            .toList();
    assertThat(stages.get(0).cancel(true)).isTrue();
    stages.get(1).orTimeout(1, TimeUnit.MILLISECONDS);
    assertThat(executor.submitToAll(() -> 7).get(20, TimeUnit.SECONDS)).containsExactly(7, 7);
    assertThat(EFFECTS).hasValue(2);
    assertThat(stages.get(0)).isCancelled();
    assertThat(stages.get(1)).isCompletedExceptionally().isNotCancelled();
  }

  private static void entered(int gate) {
    try {
      Gate.awaitEntered(gate);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aStageThatIsDoneBeforehandIsNotRun() throws Exception {
    List<Runnable> held = new ArrayList<>();
    CompletableFuture<Void> stage =
        CompletableFuture.runAsync((ToRun) () -> EFFECTS.incrementAndGet(), held::add);
    stage.cancel(false);
    executor.execute(held.get(0));
    get(executor.submitToAll(() -> 1));
    assertThat(EFFECTS).hasValue(0);
  }

  @Test
  void shutdownNowCancelsStages() throws Exception {
    for (int i = 0; i < 2; i++) {
      int gate = Gate.make();
      executor.submit(() -> Gate.pass(gate));
      Gate.awaitEntered(gate);
    }
    CompletableFuture<Object> waiting = CompletableFuture.supplyAsync((ToGive) () -> 1, executor);
    CompletionStage<Object> minimal =
        CompletableFuture.<Object>completedStage(1).thenApplyAsync((ToApply) x -> x, executor);
    executor.shutdownNow();
    assertThatThrownBy(() -> get(waiting)).isInstanceOf(CancellationException.class);
    assertThat(waiting).isCancelled();
    assertThat(get(minimal.handle((value, failure) -> chain(failure))))
        .asString()
        .contains(CancellationException.class.getName());
  }

  @Test
  void aDelayedExecutorRunsTasksOnWorkersAndLosesNone() throws Exception {
    Executor delayed = CompletableFuture.delayedExecutor(10, TimeUnit.MILLISECONDS, executor);
    assertThat(get(CompletableFuture.supplyAsync((ToGive) () -> onWorker(5), delayed)))
        .isEqualTo(5);
    Supplier<Object> plain = () -> 1;
    CompletableFuture<Object> refused = CompletableFuture.supplyAsync(plain, delayed);
    assertThatThrownBy(() -> get(refused))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("is not serializable. If it is a lambda");
    executor.shutdown();
    CompletableFuture<Object> late = CompletableFuture.supplyAsync((ToGive) () -> 1, delayed);
    assertThatThrownBy(() -> get(late))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void aFunctionThatReturnsAFutureIsRefusedWithACure() {
    Function<Object, CompletionStage<Object>> next = x -> executor.submit(() -> x);
    CompletableFuture<Object> source = CompletableFuture.completedFuture("x");
    assertThatThrownBy(() -> get(source.thenComposeAsync(next, executor)))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("Call thenCompose");
  }

  @Test
  void whatCannotTravelIsRefusedAndTheFutureIsLeft() throws Exception {
    Supplier<Integer> plain = () -> EFFECTS.incrementAndGet();
    assertThatThrownBy(() -> CompletableFuture.supplyAsync(plain, executor))
        .isInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("lambda in " + AsyncStageTest.class.getName())
        .hasMessageContaining("cast it: (Callable<T> & Serializable)")
        .hasMessageContaining("-any-lambda");
    Object unserializable = new Object();
    assertThatThrownBy(
            () ->
                get(
                    CompletableFuture.completedFuture(unserializable)
                        .thenApplyAsync((ToApply) x -> "" + x, executor)))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("class java.lang.Object is not serializable");
    CompletableFuture<Integer> mine = new CompletableFuture<>();
    assertThatThrownBy(() -> mine.completeAsync(plain, executor))
        .isInstanceOf(RejectedExecutionException.class);
    assertThat(mine).isNotDone();
    assertThat(EFFECTS).hasValue(0);
  }

  private static final String CLOSED =
      """
      import dev.mpipool.MPIExecutor;
      import java.io.Serializable;
      import java.util.concurrent.*;
      import java.util.function.*;

      public class Program {
        interface S extends Supplier<Object>, Serializable {}

        public static void main(String[] args) throws Exception {
          MPIExecutor.run(args, (executor, arguments) -> {
            S supplier = () -> "ran";
            try {
              System.out.println(CompletableFuture.supplyAsync(supplier, executor).get());
            } catch (RejectedExecutionException e) {
              System.out.println("thrown: " + e.getMessage());
            }
            CompletableFuture<Object> stage =
                executor.submit(() -> (Object) 1).thenApplyAsync(
                    (Function<Object, Object> & Serializable) x -> x, executor);
            System.out.println("failed: " + stage.handle((x, e) -> e).get());
            CompletableFuture.supplyAsync(
                supplier, CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS, executor));
            CompletableFuture<Object> after = new CompletableFuture<>();
            CompletableFuture.delayedExecutor(1_000, TimeUnit.MILLISECONDS)
                .execute(() -> after.complete(1)); // by the same thread
            after.get();
          });
        }
      }
      """;

  @Test
  void withoutTheOpeningOfThePackageAllAreRefusedWithTheCures(@TempDir Path folder)
      throws Exception {
    List<String> lines = SourceProgram.run(CLOSED, folder);
    for (String begin : List.of("thrown: ", "failed: ", "mpipool: a delayed task is lost: ")) {
      assertThat(lines)
          .filteredOn(line -> line.startsWith(begin))
          .singleElement()
          .asString()
          .contains("CompletableFuture's own async methods hold a future of this process")
          .contains("executor.submit(...)")
          .contains("--add-opens java.base/java.util.concurrent=ALL-UNNAMED");
    }
  }
}
