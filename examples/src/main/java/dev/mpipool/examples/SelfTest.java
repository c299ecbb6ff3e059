package dev.mpipool.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPIBatch;
import dev.mpipool.shared.MPIBatch.State;
import dev.mpipool.shared.MPILock;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.shared.SharedLongs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Tries everything on the ranks at hand, as one does on a new cluster: messages, the executor, and
 * the three patterns in which every rank takes part, on all ranks and on parts of them. Prints a
 * line for each check; the exit code is 0 if all are fine. A check that does not end within a
 * minute fails, too.
 */
public final class SelfTest {

  private static final long LIMIT_SECONDS = 60;
  private static final int ROUNDS = 50;

  private final Communicator world = Communicator.world();
  private int failures;

  private SelfTest() {}

  public static void main(String[] args) {
    MPIRuntime.init(args);
    SelfTest test = new SelfTest();
    test.run();
    MPIRuntime.finish();
    if (test.failures > 0) {
      System.exit(1);
    }
  }

  private void run() {
    say("%d ranks, Java %s", world.size(), Runtime.version());
    check("messages", this::messages);
    check("executor", this::executor);
    check("MPIShared", () -> shared(world));
    check("MPIShared, parts", () -> onParts(SelfTest::shared));
    check("MPILock", () -> lock(world));
    check("MPILock, parts", () -> onParts(SelfTest::lock));
    check("MPIBatch", () -> batch(world, null));
    check("MPIBatch, parts", () -> onParts(part -> batch(part, null)));
    check("MPIBatch, folder", this::batchInFolder);
    say(failures == 0 ? "All checks passed." : failures + " checks FAILED.");
  }

  /** Every rank hears what every other has to say. */
  private String messages() throws IOException {
    ByteBuffer mine = ByteBuffer.allocate(1 << 20).putInt(0, world.rank());
    int right = (world.rank() + 1) % world.size();
    int left = (world.rank() + world.size() - 1) % world.size();
    if (world.rank() % 2 == 1) {
      require(world.receive(left, 1).data().getInt(0) == left, "wrong message");
    }
    if (world.size() > 1) {
      world.send(right, 1, mine);
    }
    if (world.rank() % 2 == 0 && world.size() > 1) {
      require(world.receive(left, 1).data().getInt(0) == left, "wrong message");
    }
    List<byte[]> hosts = world.allGather(InetAddress.getLocalHost().getHostName().getBytes(UTF_8));
    return "hosts: %d".formatted(hosts.stream().map(h -> new String(h, UTF_8)).distinct().count());
  }

  private String executor() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      List<CompletableFuture<Integer>> squares =
          IntStream.range(0, 1_000).mapToObj(i -> executor.submit(x -> x * x, i)).toList();
      for (int i = 0; i < squares.size(); i++) {
        require(squares.get(i).get(LIMIT_SECONDS, TimeUnit.SECONDS) == i * i, "wrong square");
      }
      CompletableFuture<?> failing =
          executor.submit(
              () -> {
                throw new IllegalStateException("on purpose");
              });
      try {
        failing.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        throw new IllegalStateException("an exception was lost");
      } catch (ExecutionException e) {
        require(e.getCause().getMessage().equals("on purpose"), "another exception: " + e);
      }
      return "1001 tasks, workers: %d".formatted(executor.size());
    } catch (WorkersExitException e) {
      return "";
    }
  }

  private static String shared(Communicator ranks) {
    try (SharedLongs array = MPIShared.longs(ranks, ranks.size(), 1_000)) {
      for (int from = 0; from < ranks.size(); from++) {
        long[] row = LongStream.range(1_000L * from, 1_000L * from + 1_000).toArray();
        array.set(
            ranks.rank() == from ? row : null, MPIShared.at(1, 1_000), MPIShared.at(from, 0), from);
        require(array.get(from, 999) == 1_000L * from + 999, "a block has not arrived");
        ranks.barrier();
      }
      try {
        array.set(new long[1][1], MPIShared.at(0, 1_000), 0);
        throw new IllegalStateException("a block outside was accepted");
      } catch (IllegalArgumentException expected) {
        require(array.get(0, 0) == 0, "a block outside has changed something");
      }
      return "nodes: %d, ranks on the first: %d"
          .formatted(array.nodeCount(), array.nodeCommunicator().size());
    }
  }

  /**
   * In the lock each rank takes two tickets; if they do not follow each other, it was not alone.
   */
  private static String lock(Communicator ranks) throws InterruptedException {
    try (MPILock lock = new MPILock(ranks);
        MPIBatch tickets = new MPIBatch(ranks, 1, 2 * ROUNDS * ranks.size())) {
      for (int round = 0; round < ROUNDS; round++) {
        try (MPILock.Held held = lock.hold()) {
          int first = tickets.nextTask().orElseThrow();
          int second = tickets.nextTask().orElseThrow();
          require(second == first + 1 && !held.ownerDied(), "two ranks had the lock");
        }
      }
      ranks.barrier();
      require(
          ranks.rank() > 0 || lock.tryLock(LIMIT_SECONDS / 2, TimeUnit.SECONDS),
          "a free lock was refused");
      ranks.barrier();
      require(ranks.rank() == 0 || !lock.tryLock(), "a lock was granted twice");
      ranks.barrier();
    }
    return "%d rounds".formatted(ROUNDS * ranks.size());
  }

  private static String batch(Communicator ranks, Path folder) {
    int workerSize = ranks.size() % 2 == 0 ? 2 : 1;
    int tasks = 20;
    List<String> names = IntStream.range(0, tasks).mapToObj("task-%02d"::formatted).toList();
    MPIBatch.Builder options = MPIBatch.builder(ranks, workerSize, tasks);
    if (folder != null) {
      options.folder(folder, names);
    }
    List<Byte> done = new ArrayList<>();
    int workers;
    try (MPIBatch batch = options.open()) {
      workers = batch.workerCount();
      for (OptionalInt task = batch.nextTask(); task.isPresent(); task = batch.nextTask()) {
        batch.workerCommunicator().barrier();
        if (batch.workerRank() == 0) {
          batch.setState(task.getAsInt(), State.DONE);
          done.add((byte) task.getAsInt());
        }
      }
      ranks.barrier();
      require(batch.states().stream().allMatch(State.DONE::equals), "a task is not done");
    }
    byte[] mine = new byte[done.size()];
    IntStream.range(0, mine.length).forEach(i -> mine[i] = done.get(i));
    int count = ranks.allGather(mine).stream().mapToInt(list -> list.length).sum();
    require(count == tasks, count + " tasks were done instead of " + tasks);
    return "%d tasks, %d workers of %d".formatted(tasks, workers, workerSize);
  }

  /** Rank 0 has the files, so the folder need not be seen by others. */
  private String batchInFolder() throws IOException {
    byte[] name = null;
    if (world.rank() == 0) {
      name = Files.createTempDirectory("mpipool-self-test").toString().getBytes(UTF_8);
    }
    Path folder = Path.of(new String(world.broadcast(name, 0), UTF_8));
    try {
      return batch(world, folder);
    } finally {
      if (world.rank() == 0) {
        delete(folder);
      }
    }
  }

  /** On the first one, two, three ranks, and at the same time on the rest. */
  private String onParts(Pattern pattern) throws Exception {
    int most = Math.min(3, world.size() - 1);
    for (int first = 1; first <= most; first++) {
      Communicator part = world.split(world.rank() < first ? 0 : 1, world.size() - world.rank());
      try {
        pattern.run(part);
      } finally {
        part.close();
      }
    }
    return "%d pairs of parts".formatted(most);
  }

  /** Runs a check on every rank. Ranks that fail say so, rank 0 that none did. */
  private void check(String name, Check body) {
    CountDownLatch ended = new CountDownLatch(1);
    Thread watch = new Thread(() -> watch(name, ended), "watch");
    watch.setDaemon(true);
    watch.start();
    long begin = System.nanoTime();
    String told;
    try {
      told = "+" + body.run();
    } catch (Exception e) {
      told = "-";
      System.out.printf("FAILED  %-18s rank %d: %s%n", name, world.rank(), e);
    }
    List<byte[]> all = world.allGather(told.getBytes(UTF_8));
    ended.countDown();
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    boolean fine = all.stream().allMatch(bytes -> bytes[0] == '+');
    if (fine) {
      say("ok      %-18s %s (%d ms)", name, told.substring(1), millis);
    } else {
      failures++;
    }
  }

  private void watch(String name, CountDownLatch ended) {
    try {
      if (!ended.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        System.out.printf("FAILED  %-18s rank %d: no end%n", name, world.rank());
        Runtime.getRuntime().halt(1);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void say(String format, Object... values) {
    if (world.rank() == 0) {
      System.out.printf(format + "%n", values);
    }
  }

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalStateException(otherwise);
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> found = Files.walk(folder)) {
      for (Path file : found.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What is checked on every rank; returns what is worth knowing. */
  @FunctionalInterface
  private interface Check {
    String run() throws Exception;
  }

  /** What is checked on a part of the ranks. */
  @FunctionalInterface
  private interface Pattern {
    String run(Communicator part) throws Exception;
  }
}
