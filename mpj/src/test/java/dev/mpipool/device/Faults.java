package dev.mpipool.device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;
import mpi.Request;
import mpi.Status;

/**
 * What ranks do in {@link FaultsTest}: the argument names one of the methods. Prints "fine" at its
 * end.
 */
public final class Faults {

  private static final Intracomm WORLD = MPI.COMM_WORLD;
  private static final int ME = WORLD.Rank();
  private static final int SIZE = WORLD.Size();
  private static final CountDownLatch LOSS = new CountDownLatch(1);
  private static final CountDownLatch LATER_LOSSES = new CountDownLatch(5);
  private static final List<Integer> LOST = Collections.synchronizedList(new ArrayList<>());

  static {
    TcpDevice.current()
        .onRankLost(
            rank -> {
              LOST.add(rank);
              System.out.println("lost " + rank + " at " + System.currentTimeMillis());
              LOSS.countDown();
              LATER_LOSSES.countDown();
            });
  }

  private Faults() {}

  private static void check(boolean condition, Object what) {
    if (!condition) {
      throw new AssertionError("rank " + ME + ": " + what);
    }
  }

  private static void expectLoss(int rank, Runnable operation) {
    try {
      operation.run();
    } catch (MPIException e) {
      RankLostException lost = RankLostException.find(e);
      check(lost != null && lost.rank() == rank && e.getMessage().contains("rank " + rank), e);
      check(lost.hasLeft() != TcpDevice.current().isLost(rank), e);
      return;
    }
    throw new AssertionError("operation on lost rank " + rank + " succeeded");
  }

  private static void talkToTheLiving(int dead) {
    int next = (ME + 1) % SIZE == dead ? (ME + 2) % SIZE : (ME + 1) % SIZE;
    int previous = (ME + SIZE - 1) % SIZE == dead ? (ME + SIZE - 2) % SIZE : (ME + SIZE - 1) % SIZE;
    byte[] data = new byte[300_000];
    for (int i = 0; i < 50; i++) {
      int length = i % 5 == 0 ? data.length : i;
      Status s =
          WORLD.Sendrecv(
              data,
              0,
              length,
              MPI.BYTE,
              next,
              77,
              new byte[length],
              0,
              length,
              MPI.BYTE,
              previous,
              77);
      check(s.count == length, s.count);
    }
  }

  static void killed() throws Exception {
    if (ME == 2) {
      System.out.println("ready");
      Thread.sleep(Long.MAX_VALUE);
    }
    byte[] one = new byte[1];
    Request posted = WORLD.Irecv(one, 0, 1, MPI.BYTE, 2, 1);
    Request anySource = WORLD.Irecv(new byte[1], 0, 1, MPI.BYTE, MPI.ANY_SOURCE, 5);
    Request rendezvous = WORLD.Isend(new byte[1_000_000], 0, 1_000_000, MPI.BYTE, 2, 2);
    Request synchronous = WORLD.Issend(one, 0, 1, MPI.BYTE, 2, 3);
    System.out.println("ready");
    expectLoss(2, () -> WORLD.Recv(one, 0, 1, MPI.BYTE, 2, 9));
    expectLoss(2, posted::Wait);
    expectLoss(2, rendezvous::Wait);
    expectLoss(2, synchronous::Wait);
    expectLoss(2, () -> WORLD.Send(one, 0, 1, MPI.BYTE, 2, 4));
    expectLoss(2, () -> WORLD.Recv(one, 0, 1, MPI.BYTE, 2, 4));
    expectLoss(2, () -> WORLD.Probe(2, 4));
    check(TcpDevice.current().isLost(2), "isLost");
    check(LOSS.await(10, TimeUnit.SECONDS) && LOST.equals(List.of(2)), LOST);
    talkToTheLiving(2);
    WORLD.Send(one, 0, 1, MPI.BYTE, ME == 0 ? 1 : 0, 5);
    if (ME < 2) {
      anySource.Wait();
    }
  }

  /** Rank 2 leaves while others wait for it; without MPI's own barrier, which needs all ranks. */
  static void leaves() throws Exception {
    byte[] one = new byte[1];
    if (ME == 2) {
      for (int other : new int[] {0, 1, 3}) {
        WORLD.Recv(one, 0, 1, MPI.BYTE, other, 8);
      }
    } else {
      Request posted = WORLD.Irecv(one, 0, 1, MPI.BYTE, 2, 1);
      Request rendezvous = WORLD.Isend(new byte[1_000_000], 0, 1_000_000, MPI.BYTE, 2, 2);
      Request synchronous = WORLD.Issend(one, 0, 1, MPI.BYTE, 2, 3);
      WORLD.Send(one, 0, 1, MPI.BYTE, 2, 8);
      expectLoss(2, posted::Wait);
      expectLoss(2, rendezvous::Wait);
      expectLoss(2, synchronous::Wait);
      expectLoss(2, () -> WORLD.Recv(one, 0, 1, MPI.BYTE, 2, 9));
      expectLoss(2, () -> WORLD.Send(new byte[1_000_000], 0, 1_000_000, MPI.BYTE, 2, 4));
      expectLoss(2, () -> WORLD.Ssend(one, 0, 1, MPI.BYTE, 2, 4));
      expectLoss(2, () -> WORLD.Probe(2, 4));
      check(!TcpDevice.current().isLost(2), "isLost");
      talkToTheLiving(2);
    }
    TcpDevice.current().finish();
    System.out.println("fine");
    Runtime.getRuntime().halt(0);
  }

  /** Rank 2 dies while it sends and receives large and small messages. */
  static void diesInTheMiddle() throws Exception {
    if (ME == 2) {
      Thread receiver = new Thread(() -> exchange(0));
      receiver.setDaemon(true);
      receiver.start();
      System.out.println("ready");
      exchange(1);
      return;
    }
    System.out.println("ready");
    expectLoss(2, () -> exchange(2));
    talkToTheLiving(2);
  }

  private static void exchange(int with) {
    byte[] data = new byte[3_000_000];
    for (int i = 0; ; i++) {
      int length = i % 3 == 0 ? data.length : i % 3 == 1 ? 100_000 : 100;
      WORLD.Sendrecv(
          data, 0, length, MPI.BYTE, with, 6, new byte[length], 0, length, MPI.BYTE, with, 6);
    }
  }

  /**
   * A rank that ends without MPI.Finalize while nobody talks to it; the others are in MPI.Finalize
   * already.
   */
  static void exitsWhileOthersFinalize() throws Exception {
    if (ME == SIZE - 1) {
      Thread.sleep(500);
      System.exit(5);
    }
  }

  /**
   * A rank is lost before the others come to MPI.Finalize; it is inside the tree of its barrier.
   */
  static void lostBeforeFinalize() throws Exception {
    if (ME == 1) {
      Runtime.getRuntime().halt(7);
    }
    check(LOSS.await(10, TimeUnit.SECONDS), "nobody told");
  }

  /** Waits for the news of five deaths. */
  static void told() throws Exception {
    System.out.println("ready");
    check(LATER_LOSSES.await(50, TimeUnit.SECONDS), LOST);
  }

  /** Threads that nobody ever answers, while the rank is finalized. */
  static void waitsAtFinalize() throws Exception {
    byte[] one = new byte[1];
    List<Thread> threads =
        List.of(
            waits("receive", () -> WORLD.Recv(one, 0, 1, MPI.BYTE, MPI.ANY_SOURCE, 1)),
            waits("receive of one", () -> WORLD.Recv(one, 0, 1, MPI.BYTE, (ME + 1) % SIZE, 2)),
            waits("own receive", () -> WORLD.Recv(one, 0, 1, MPI.BYTE, ME, 3)),
            waits("probe", () -> WORLD.Probe(MPI.ANY_SOURCE, 4)),
            waits("send", () -> WORLD.Ssend(one, 0, 1, MPI.BYTE, (ME + 1) % SIZE, 5)),
            waits("own send", () -> WORLD.Ssend(one, 0, 1, MPI.BYTE, ME, 6)));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    for (Thread thread : threads) {
      while (Arrays.stream(thread.getStackTrace())
          .noneMatch(f -> f.getMethodName().equals("await"))) {
        check(System.nanoTime() < end && thread.isAlive(), thread.getName() + " does not wait");
        Thread.onSpinWait();
      }
    }
  }

  /** A thread that keeps the process alive until its operation has failed as it should. */
  private static Thread waits(String name, Runnable operation) {
    Thread thread =
        new Thread(
            () -> {
              try {
                operation.run();
                System.out.println(name + " succeeded");
              } catch (MPIException e) {
                RankLostException left = RankLostException.find(e);
                boolean clear = e.getMessage().contains("MPI.Finalize was called while");
                System.out.println(name + (clear || left != null ? " was told" : " failed: " + e));
              }
            },
            name);
    thread.start();
    return thread;
  }

  /** A rank that is silent is not lost, and what it says later arrives. */
  static void silent() throws Exception {
    byte[] one = new byte[1];
    if (ME == 1) {
      System.out.println("ready");
      WORLD.Recv(one, 0, 1, MPI.BYTE, 0, 1);
      WORLD.Send(one, 0, 1, MPI.BYTE, 0, 2);
    } else {
      System.out.println("ready");
      Thread.sleep(1500);
      WORLD.Send(one, 0, 1, MPI.BYTE, 1, 1);
      WORLD.Recv(one, 0, 1, MPI.BYTE, 1, 2);
      check(LOST.isEmpty(), LOST);
    }
  }

  /**
   * A long job that strangers knock at. Rank 0 is told on its standard input when they come and
   * when they have come, and prints how long the operations took before that and meanwhile.
   */
  static void visited() throws Exception {
    System.out.println("ready");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
    List<List<Long>> nanos = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    int phase = 0;
    int[] go = {1};
    while (go[0] == 1) {
      if (ME == 0 && phase < 2 && System.in.available() > phase) {
        phase++;
      }
      long begin = System.nanoTime();
      int[] mine = {begin < end || (ME == 0 && phase == 1) ? 1 : 0};
      WORLD.Allreduce(mine, 0, go, 0, 1, MPI.INT, MPI.MAX);
      nanos.get(phase).add(System.nanoTime() - begin);
    }
    if (ME == 0) {
      print("before", nanos.get(0));
      print("meanwhile", nanos.get(1));
    }
    check(LOST.isEmpty(), LOST);
  }

  private static void print(String when, List<Long> nanos) {
    Collections.sort(nanos);
    int n = nanos.size();
    if (n > 0) {
      System.out.printf(
          "%s: %d operations, median %d us, 99 of 100 within %d us, longest %d us%n",
          when,
          n,
          nanos.get(n / 2) / 1000,
          nanos.get(n * 99 / 100) / 1000,
          nanos.get(n - 1) / 1000);
    }
  }
}
