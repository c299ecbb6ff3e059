package dev.mpipool.ranks.programs;

import dev.mpipool.Broadcast;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.TaskSerializationException;
import dev.mpipool.WorkerLostException;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.device.TcpDevice;
import java.lang.reflect.Field;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Faults of every kind, one after the other in one job; says of each whether all was as it has to.
 */
public final class Faults {

  private static final Duration SILENCE = Duration.ofSeconds(2);

  private Faults() {}

  public static void main(String[] args) throws Exception {
    switch (args[args.length - 1]) {
      case "lost" -> run(args, Faults::lost);
      case "silent" -> silent(args);
      case "neverWakes" -> run(args, Faults::neverWakes);
      case "busy" -> run(args, Faults::busy);
      case "tooLong" -> run(args, Faults::tooLong);
      case "taskExits" -> run(args, Faults::taskExits);
      case "closedSocket" -> run(args, Faults::closedSocket);
      case "misuse" -> misuse(args);
      default -> throw new IllegalArgumentException();
    }
  }

  private interface Body {
    void run(MPIExecutor executor) throws Exception;
  }

  private static void run(String[] args, Body body) {
    MPIExecutor.run(
        args,
        MPIExecutor.builder().maxAttempts(2).heartbeatTimeout(SILENCE),
        (executor, own) -> body.run(executor));
  }

  private static void say(String what, boolean right) {
    System.out.println(what + ": " + right);
  }

  private static Throwable failure(CompletableFuture<?> future) throws Exception {
    try {
      future.get(40, TimeUnit.SECONDS);
      return new AssertionError("has succeeded");
    } catch (ExecutionException e) {
      return e.getCause();
    }
  }

  /** Workers die one by one, until none is left. Wants seven of them. */
  private static void lost(MPIExecutor executor) throws Exception {
    Throwable memory = failure(executor.submit(() -> new long[Integer.MAX_VALUE / 2].length));
    say("exhausted memory", memory instanceof OutOfMemoryError && executor.size() == 7);
    Throwable deep = failure(executor.submit(() -> deep(1)));
    say("too deep", deep instanceof StackOverflowError && executor.size() == 7);

    Throwable exit = failure(executor.submit(() -> System.exit(3)));
    say("exit, after two workers", isLost(exit, 2) && executor.size() == 5);
    say("exit is named", exit.getMessage().contains("ended with exit code 3"));
    Throwable halt = failure(executor.submit(() -> Runtime.getRuntime().halt(0)));
    say("halt, after two workers", isLost(halt, 2) && executor.size() == 3);

    int victim = executor.submit(MPIExecutor::currentRank).get();
    List<Long> sums =
        executor
            .submitGroup(
                2,
                group -> {
                  if (MPIExecutor.currentRank() == victim) {
                    killMyself();
                  }
                  return group.allReduce(new long[] {1}, Long::sum)[0];
                })
            .get(40, TimeUnit.SECONDS);
    say("a group without its killed member", sums.equals(List.of(2L, 2L)));

    List<CompletableFuture<?>> pending = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      pending.add(executor.submit(Faults::killMyself));
    }
    boolean right = true;
    for (CompletableFuture<?> future : pending) {
      Throwable why = failure(future);
      right &= why instanceof BrokenExecutorException || isLost(why, 2);
    }
    say("nobody is left", right && executor.size() == 0);
    try {
      executor.submit(() -> 1);
      say("submit to a broken pool", false);
    } catch (BrokenExecutorException e) {
      say("submit to a broken pool", e.getMessage().contains("No worker is left"));
    }
  }

  @SuppressWarnings("InfiniteRecursion") // that is what it is for
  private static int deep(int n) {
    return deep(n + 1) + 1;
  }

  private static boolean isLost(Throwable failure, int attempts) {
    return failure instanceof WorkerLostException lost && lost.ranks().size() == attempts;
  }

  private static final int LONG = 50 << 20;
  private static byte[] hoard;

  /**
   * A result that main has no memory for; an argument and a broadcast that workers have none for.
   */
  private static void tooLong(MPIExecutor executor) throws Exception {
    hoard = new byte[120 << 20];
    Throwable result = failure(executor.submit(() -> new byte[LONG]));
    say(
        "a result: " + result.getMessage(),
        result instanceof TaskSerializationException
            && result.getMessage().contains("from rank")
            && result.getMessage().contains("could not be read on main"));
    hoard = null;
    say("the next result", executor.submit(() -> new byte[LONG]).get().length == LONG);
    executor.submitToAll(Faults::hoard).get(40, TimeUnit.SECONDS);
    Throwable argument = failure(executor.submit(array -> array.length, new byte[LONG]));
    say(
        "an argument: " + argument.getMessage(),
        argument instanceof TaskSerializationException
            && argument.getMessage().contains("could not be read on rank"));
    try (Broadcast<byte[]> shared = executor.broadcast(new byte[LONG])) {
      Throwable broadcast = failure(executor.submit(() -> shared.value().length));
      say("a broadcast: " + broadcast, String.valueOf(broadcast).contains("no memory"));
    }
    say("nobody is lost", executor.size() == 2);
    say("the pool goes on", executor.submit(() -> 6 * 7).get(20, TimeUnit.SECONDS) == 42);
  }

  private static int hoard() {
    hoard = new byte[120 << 20];
    return hoard.length;
  }

  private static void killMyself() throws Exception {
    signal("KILL", ProcessHandle.current().pid());
    Thread.sleep(10_000);
  }

  private static void signal(String name, long pid) throws Exception {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
  }

  private static Map<Integer, Long> processes(MPIExecutor executor) throws Exception {
    Map<Integer, Long> processes = new HashMap<>();
    for (long[] one :
        executor
            .submitToAll(
                () -> new long[] {MPIExecutor.currentRank(), ProcessHandle.current().pid()})
            .get(40, TimeUnit.SECONDS)) {
      processes.put((int) one[0], one[1]);
    }
    return processes;
  }

  /** A worker is stopped in the middle of long messages, in both directions, and wakes later. */
  private static void silent(String[] args) throws Exception {
    MPIRuntime.init(args);
    int rank = Communicator.world().rank();
    try (MPIExecutor executor =
        MPIExecutor.builder().maxAttempts(2).heartbeatTimeout(SILENCE).open()) {
      executor.workersExit();
      Map<Integer, Long> processes = processes(executor);
      byte[] bytes = new byte[24 << 20];
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        int number = i;
        futures.add(
            executor
                .submit(
                    (own, all) -> {
                      all[0] = (byte) (int) own;
                      return all;
                    },
                    number,
                    bytes)
                .thenApply(all -> all.length == bytes.length && all[0] == number ? 1 : 0));
      }
      futures.get(1).get(40, TimeUnit.SECONDS);
      signal("STOP", processes.get(1));
      long begin = System.nanoTime();
      int right = 0;
      for (CompletableFuture<Integer> future : futures) {
        right += future.get(40, TimeUnit.SECONDS);
      }
      say("all is done without the stopped one", right == 16);
      while (executor.size() == 3 && System.nanoTime() - begin < 20_000_000_000L) {
        Thread.sleep(10);
      }
      long took = (System.nanoTime() - begin) / 1_000_000;
      say("given up in time (" + took + " ms)", executor.size() == 2 && took < 15_000);
      say("the others go on", executor.submit(() -> 6 * 7).get(20, TimeUnit.SECONDS) == 42);
      signal("CONT", processes.get(1));
      for (int i = 0; i < 20; i++) {
        right += executor.submit(x -> x, 1).get(20, TimeUnit.SECONDS);
      }
      say("late answers are dropped", right == 36 && executor.size() == 2);

      long me = ProcessHandle.current().pid();
      new ProcessBuilder("sh", "-c", "kill -STOP " + me + "; sleep 4; kill -CONT " + me)
          .inheritIO()
          .start()
          .waitFor();
      Thread.sleep(SILENCE.toMillis());
      say("who was stopped itself gives nobody up", executor.size() == 2);
    } catch (WorkersExitException e) {
      // all of them, also the one that was stopped
    }
    Communicator.world().barrier();
    System.out.println("rank " + rank + " goes on: true");
    MPIRuntime.finish();
  }

  /** Main closes, and the stopped worker is ended with the job. */
  private static void neverWakes(MPIExecutor executor) throws Exception {
    Map<Integer, Long> processes = processes(executor);
    signal("STOP", processes.get(2));
    long begin = System.nanoTime();
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      futures.add(executor.submit(x -> x, 1));
    }
    int sum = 0;
    for (CompletableFuture<Integer> future : futures) {
      sum += future.get(40, TimeUnit.SECONDS);
    }
    say("done in time", sum == 10 && System.nanoTime() - begin < 15_000_000_000L);
  }

  /** Whoever works hard, or collects garbage, is not silent. */
  private static void busy(MPIExecutor executor) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      futures.add(
          executor.submit(
              () -> {
                long end = System.nanoTime() + 3 * SILENCE.toNanos();
                int n = 0;
                while (System.nanoTime() < end) {
                  if (++n % 1_000_000 == 0) {
                    System.gc();
                  }
                }
                return 1;
              }));
    }
    int sum = 0;
    for (CompletableFuture<Integer> future : futures) {
      sum += future.get(40, TimeUnit.SECONDS);
    }
    say("hard work", sum == 2 && executor.size() == 2);
    System.out.println("working");
    executor.submit(() -> Thread.sleep(60_000)).get();
  }

  private static void taskExits(MPIExecutor executor) throws Exception {
    executor.submit(() -> System.exit(5)).get();
  }

  /** The connection of a worker to main breaks, though both live. */
  private static void closedSocket(MPIExecutor executor) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      futures.add(
          executor.submit(
              x -> {
                if (MPIExecutor.currentRank() == 1) {
                  hangUp();
                }
                return x;
              },
              1));
    }
    int sum = 0;
    for (CompletableFuture<Integer> future : futures) {
      sum += future.get(40, TimeUnit.SECONDS);
    }
    say("without the one that was cut off", sum == 20 && executor.size() == 1);
  }

  /** Closes the device's connection to main. */
  private static void hangUp() throws Exception {
    Object endpoint = field(TcpDevice.current(), "endpoint");
    Object connections = field(endpoint, "connections");
    Object connection = java.lang.reflect.Array.get(connections, 0);
    ((SocketChannel) field(connection, "channel")).close();
  }

  private static Object field(Object of, String name) throws Exception {
    Field field = of.getClass().getDeclaredField(name);
    field.setAccessible(true);
    return field.get(of);
  }

  /** Pools where none may be, and interrupts where none may harm. */
  @SuppressWarnings("try") // closes the pool by hand: interrupted
  private static void misuse(String[] args) throws Exception {
    MPIRuntime.init(args);
    Thread.currentThread().interrupt();
    try (MPIExecutor executor = new MPIExecutor()) {
      boolean kept = Thread.interrupted();
      executor.workersExit();
      say("an interrupted constructor", kept && executor.submit(() -> 42).get() == 42);
      try (MPIExecutor second = new MPIExecutor()) {
        say("a second pool", second == null);
      } catch (IllegalStateException e) {
        say("a second pool", e.getMessage().contains("Close it first"));
      }
      Throwable inTask =
          failure(
              executor.submit(
                  () -> {
                    new MPIExecutor().close();
                  }));
      say(
          "a pool in a task",
          inTask instanceof IllegalStateException && inTask.getMessage().contains("A task cannot"));
      CompletableFuture<?> slow = executor.submit(() -> Thread.sleep(60_000));
      Thread.currentThread().interrupt();
      try {
        slow.get();
        say("an interrupted get", false);
      } catch (InterruptedException e) {
        say("an interrupted get", !slow.isDone());
      }
      Thread.currentThread().interrupt();
      executor.close();
      say("an interrupted close", Thread.interrupted() && executor.isTerminated());
      say("has stopped the task", slow.isDone());
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    try (MPIExecutor next = new MPIExecutor()) {
      next.workersExit();
      say("the next pool", next.submit(() -> 42).get() == 42);
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    MPIRuntime.finish();
  }
}
