package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.pool.AsyncResult;
import dev.mpipool.pool.MPIPool;
import dev.mpipool.pool.Pool;
import dev.mpipool.pool.Pools;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;

/**
 * Every verb of MPIPool, on two workers of another rank each: a line for each point, which ends
 * with true if it holds. Functions and main meet in files of a folder, the last argument.
 */
public final class PoolVerbs {

  private static final long SECONDS = 20;

  /** Four chunks for each of two workers, of one element each. */
  private static final int LOOK_AHEAD = 8;

  private static String folder;

  /** Each rank's own: main's stays null. */
  private static volatile String initialized;

  private PoolVerbs() {}

  private interface Body {
    void run(Pool pool) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    folder = own[own.length - 1];
    on(new MPIPool(), PoolVerbs::calls);
    on(new MPIPool(), PoolVerbs::lists);
    on(new MPIPool(), PoolVerbs::streams);
    on(new MPIPool(), PoolVerbs::laziness);
    on(new MPIPool(), PoolVerbs::failures);
    on(new MPIPool(), PoolVerbs::close);
    on(new MPIPool(), PoolVerbs::terminate);
    on(MPIPool.builder().initializer(x -> initialized = x, "yes").open(), PoolVerbs::initializer);
    on(Pools.choose(new String[] {"--mpi"}), PoolVerbs::chosen);
    shared();
    MPIRuntime.finish();
  }

  private static void on(Pool opened, Body body) throws Exception {
    try (Pool pool = opened) {
      check("one role", pool.isMain() != pool.isWorker(), pool.isMain());
      pool.workersExit();
      body.run(pool);
    } catch (WorkersExitException e) {
      check("workersExit is for workers", opened.isWorker(), !opened.isWorker());
    }
  }

  private static void check(String point, boolean holds) {
    check(point, holds, true);
  }

  /** One rank is to tell. */
  private static void check(String point, boolean holds, boolean tell) {
    if (tell || !holds) {
      System.out.println(point + ": " + holds);
    }
  }

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  /** For functions: waits until main has opened the gate. */
  private static int pass(String gate) throws Exception {
    Files.write(Path.of(gate + ".entered"), new byte[0]);
    try {
      awaitFile(gate);
    } catch (InterruptedException e) {
      Files.write(Path.of(gate + ".interrupted"), new byte[0]);
      throw e;
    }
    return 1;
  }

  private static boolean awaitFile(String file) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (!Files.exists(Path.of(file)) && System.nanoTime() < deadline) {
      Thread.sleep(1);
    }
    return Files.exists(Path.of(file));
  }

  private static String gate(String name) {
    return folder + "/" + name;
  }

  private static void open(String gate) throws Exception {
    Files.write(Path.of(gate), new byte[0]);
  }

  private static void calls(Pool pool) throws Exception {
    check("size", pool.size() == 2);
    check("apply", pool.apply(() -> MPIExecutor.currentRank()) > 0);
    check("apply with 1", pool.apply(x -> x * x, 5) == 25);
    check("apply with 2", pool.apply((a, b) -> a + b, 1, 2) == 3);
    check("apply with 3", pool.apply((a, b, c) -> a + b + c, 1, 2, 3) == 6);
    List<Object> told = new ArrayList<>();
    String gate = gate("calls");
    AsyncResult<Integer> result = pool.applyAsync(PoolVerbs::pass, gate, told::add, told::add);
    try {
      result.successful();
      check("successful before ready", false);
    } catch (IllegalStateException e) {
      check("successful before ready", !result.ready());
    }
    check("await, too short", !result.await(1, TimeUnit.MILLISECONDS));
    try {
      result.get(1, TimeUnit.MILLISECONDS);
      check("get with a timeout", false);
    } catch (TimeoutException e) {
      check("get with a timeout", true);
    }
    open(gate);
    check("await", result.await(SECONDS, TimeUnit.SECONDS));
    check("ready and successful", result.ready() && result.successful() && result.get() == 1);
    check("callback", told.equals(List.of(1)));
    check("as a future", result.toCompletableFuture().thenApply(x -> x + 1).join() == 2);
    AsyncResult<Integer> failed =
        pool.applyAsync(Integer::parseInt, "x", told::add, e -> told.add(e.getClass()));
    try {
      failed.get(SECONDS, TimeUnit.SECONDS);
      check("get throws", false);
    } catch (ExecutionException e) {
      check("get throws", e.getCause() instanceof NumberFormatException && !failed.successful());
    }
    check("error callback", told.equals(List.of(1, NumberFormatException.class)));
  }

  private static void lists(Pool pool) throws Exception {
    List<Integer> squares = range(5_000).stream().map(x -> x * x).toList();
    check("map", pool.map(x -> x * x, range(5_000)).equals(squares));
    check("map in chunks", pool.map(x -> x * x, range(5_000), 64).equals(squares));
    List<Object> told = new ArrayList<>();
    check("mapAsync", pool.mapAsync(x -> x * x, range(5_000)).get().equals(squares));
    pool.mapAsync(x -> x + 1, range(2), told::add, told::add).get();
    check("callback of mapAsync", told.equals(List.of(List.of(1, 2))));
    List<Pair<Integer, Integer>> pairs = List.of(Pair.of(1, 2), Pair.of(3, 4));
    check("starmap", pool.starmap((a, b) -> a * b, pairs).equals(List.of(2, 12)));
    check("starmapAsync", pool.starmapAsync((a, b) -> a - b, pairs).get().equals(List.of(-1, -1)));
    List<Triple<Integer, String, Double>> triples = List.of(Triple.of(1, "x", 2.0));
    check(
        "starmap of triples",
        pool.starmap((a, b, c) -> a + b + c, triples).equals(List.of("1x2.0")));
    check(
        "starmapAsync of triples",
        pool.starmapAsync((a, b, c) -> b + a, triples).get().equals(List.of("x1")));
  }

  private static void streams(Pool pool) throws Exception {
    try (Stream<Integer> results =
        pool.imap(x -> x * x, () -> IntStream.iterate(0, i -> i + 1).iterator())) {
      check("imap", results.limit(4).toList().equals(List.of(0, 1, 4, 9)));
    }
    String gate = gate("streams");
    try (Stream<Integer> results =
        pool.imapUnordered(x -> x == 0 ? pass(gate) * 0 : x, range(4), 1)) {
      Iterator<Integer> iterator = results.iterator();
      Set<Integer> first = new HashSet<>();
      for (int i = 0; i < 3; i++) {
        first.add(iterator.next());
      }
      open(gate);
      check("imapUnordered", first.equals(Set.of(1, 2, 3)) && iterator.next() == 0);
    }
  }

  /** Results trickle in: each function waits for a mark that main leaves when it has counted. */
  private static void laziness(Pool pool) throws Exception {
    AtomicInteger taken = new AtomicInteger();
    Iterable<Integer> endless = () -> Stream.generate(taken::getAndIncrement).iterator();
    try (Stream<Integer> results = pool.imapUnordered(x -> x, endless, 1)) {
      Iterator<Integer> iterator = results.iterator();
      boolean bounded = true;
      for (int i = 1; i <= 200; i++) {
        iterator.next();
        bounded &= taken.get() <= i + LOOK_AHEAD;
      }
      check("a stream takes no further than the look-ahead", bounded);
    }
    String gate = gate("trickle");
    AtomicInteger counted = new AtomicInteger();
    Iterable<Integer> elements = () -> Stream.generate(counted::getAndIncrement).iterator();
    AsyncResult<List<Integer>> result = pool.mapAsync(x -> pass(gate + x), elements, 1);
    boolean bounded = true;
    for (int i = 0; i < 20; i++) {
      // no function has returned but those of the i elements whose gates are open
      bounded &= awaitFile(gate + i + ".entered") && counted.get() <= i + LOOK_AHEAD;
      open(gate + i);
    }
    check("mapAsync takes as results trickle in", bounded && counted.get() >= 20);
    result.toCompletableFuture().cancel(true);
    check("and stops", pool.apply(() -> 1) == 1 && counted.get() <= 20 + LOOK_AHEAD);
  }

  private static void failures(Pool pool) throws Exception {
    String gate = gate("failures");
    try {
      pool.map(x -> x == 0 ? pass(gate) : 10 / (5 - x), range(1_000), 1);
      check("map throws", false);
    } catch (CompletionException e) {
      check("map throws", e.getCause() instanceof ArithmeticException);
      check("and names the element", e.getMessage().startsWith("Element 5 (5) failed"));
      check("while another runs, which is cancelled", awaitFile(gate + ".interrupted"));
    }
    List<Throwable> told = new ArrayList<>();
    try {
      pool.mapAsync(Integer::parseInt, List.of("1", "x"), null, told::add).get();
      check("mapAsync throws", false);
    } catch (ExecutionException e) {
      check("mapAsync throws", e.getCause() instanceof NumberFormatException);
      check("and tells", told.get(0) instanceof NumberFormatException);
    }
  }

  private static void close(Pool pool) throws Exception {
    AsyncResult<List<Integer>> later = pool.mapAsync(x -> x, range(2_000));
    try {
      pool.join();
      check("join before close", false);
    } catch (IllegalStateException e) {
      check("join before close", true);
    }
    pool.close();
    pool.join();
    check("close lets work finish", later.ready() && later.get().equals(range(2_000)));
    try {
      pool.apply(() -> 1);
      check("nothing after close", false);
    } catch (RejectedExecutionException e) {
      check("nothing after close", pool.size() == 0);
    }
  }

  private static void terminate(Pool pool) throws Exception {
    String gate = gate("terminate");
    AsyncResult<Integer> running = pool.applyAsync(PoolVerbs::pass, gate);
    awaitFile(gate + ".entered");
    AsyncResult<List<Integer>> many = pool.mapAsync(x -> pass(gate), range(1_000), 1);
    pool.terminate();
    pool.join();
    check("terminate interrupts", awaitFile(gate + ".interrupted"));
    try {
      running.get();
      check("and cancels", false);
    } catch (CancellationException e) {
      check("and cancels", many.toCompletableFuture().isCancelled() && pool.size() == 0);
    }
  }

  private static void initializer(Pool pool) {
    check("initializer", Set.copyOf(pool.map(x -> initialized, range(10))).equals(Set.of("yes")));
    check("not on main", initialized == null);
  }

  private static void chosen(Pool pool) {
    check("Pools.choose", pool instanceof MPIPool && pool.size() == 2);
  }

  private static void shared() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      try (MPIPool pool = new MPIPool(executor)) {
        check("shared executor", pool.map(x -> -x, range(2)).equals(List.of(0, -1)));
      }
      check("which stays open", executor.submit(() -> 1).get() == 1);
    } catch (WorkersExitException e) {
      // the end
    }
  }
}
