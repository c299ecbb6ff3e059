package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;
import mpi.Request;
import mpi.Status;

/**
 * A rank of a {@link Storm}: three threads send, and one thread receives on each of three
 * communicators.
 */
public final class StormRank {

  private static final int SENDERS = 3;
  private static final int TAGS = 4;
  private static final int END_TAG = 1000;
  private static final int LOST_TAG = 2000;
  private static final int BIGGEST = 4 << 20;
  private static final int STYLES = 3;

  private final int me = MPI.COMM_WORLD.Rank();
  private final int size = MPI.COMM_WORLD.Size();
  private final Intracomm[] comms = new Intracomm[STYLES];
  private final long end;
  private final boolean interrupts;
  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final AtomicLong messages = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();

  private StormRank(String variant, int seconds) {
    for (int k = 0; k < STYLES; k++) {
      comms[k] = (Intracomm) MPI.COMM_WORLD.clone();
    }
    interrupts = variant.equals("interrupts");
    end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
  }

  /**
   * Arguments: the variant, the seconds.
   *
   * @param args what the launcher gives and these
   * @throws Exception if the storm fails
   */
  public static void main(String[] args) throws Exception {
    String[] own = MPI.Init(args);
    new StormRank(own[0], Integer.parseInt(own[1])).storm();
    MPI.Finalize();
    System.exit(0);
  }

  private void storm() throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int k = 0; k < STYLES; k++) {
      int style = k;
      threads.add(thread("receiver" + k, () -> new Receiver(style).run()));
    }
    for (int t = 0; t < SENDERS; t++) {
      int sender = t;
      threads.add(thread("sender" + t, () -> new Sender(sender).run()));
    }
    if (TcpDevice.current() != null) {
      TcpDevice.current().onRankLost(this::passOn);
    }
    threads.forEach(Thread::start);
    System.out.println("storming");
    Thread rain = interrupts ? rain(threads) : null;
    for (Thread t : threads) {
      while (t.isAlive() && failures.isEmpty()) {
        t.join(100);
      }
    }
    if (!failures.isEmpty()) {
      failures.forEach(Throwable::printStackTrace);
      System.out.println("storm failed");
      Runtime.getRuntime().halt(3);
    }
    if (rain != null) {
      rain.join();
    }
    System.out.println(
        "storm ok: rank "
            + me
            + " received "
            + messages
            + " messages, "
            + (bytes.get() >> 20)
            + " MB");
  }

  private Thread thread(String name, Runnable body) {
    Thread t =
        new Thread(
            () -> {
              try {
                body.run();
              } catch (Throwable e) {
                failures.add(new AssertionError("rank " + me + " " + name, e));
              }
            },
            name);
    t.setDaemon(true);
    return t;
  }

  private static Thread rain(List<Thread> threads) {
    Thread t =
        new Thread(
            () -> {
              while (threads.stream().anyMatch(Thread::isAlive)) {
                threads.get(ThreadLocalRandom.current().nextInt(threads.size())).interrupt();
                Thread.onSpinWait();
                java.util.concurrent.locks.LockSupport.parkNanos(200_000);
              }
            },
            "rain");
    t.start();
    return t;
  }

  /** Tells the receivers of this rank, by messages to itself. */
  private void passOn(int lost) {
    for (Intracomm comm : comms) {
      comm.Send(new byte[] {(byte) lost}, 0, 1, MPI.BYTE, me, LOST_TAG);
    }
  }

  private static int stream(int source, int sender, int tag, int style) {
    return source << 24 | sender << 16 | tag << 8 | style;
  }

  /** Sends what comes to its mind to everybody. */
  private final class Sender {

    private final int sender;
    private final long[][][] numbers = new long[size][STYLES][TAGS];
    private final Set<Integer> gone = new HashSet<>();
    private final ArrayDeque<Request> pending = new ArrayDeque<>();
    private final ArrayDeque<Integer> pendingTo = new ArrayDeque<>();

    Sender(int sender) {
      this.sender = sender;
    }

    void run() {
      ThreadLocalRandom random = ThreadLocalRandom.current();
      while (System.nanoTime() < end && failures.isEmpty()) {
        int to = random.nextInt(size);
        int style = random.nextInt(STYLES);
        int tag = random.nextInt(TAGS);
        byte[] data = new byte[Storm.randomSize()];
        Storm.Content.fill(data, stream(me, sender, tag, style), numbers[to][style][tag]++);
        attempt(to, () -> send(data, to, style, sender * TAGS + tag, random.nextInt(4)));
        while (pending.size() > random.nextInt(8)) {
          finishOne();
        }
      }
      while (!pending.isEmpty()) {
        finishOne();
      }
      for (int to = 0; to < size; to++) {
        for (int style = 0; style < STYLES; style++) {
          int t = to;
          int k = style;
          byte[] sent = new byte[TAGS * Long.BYTES];
          ByteBuffer.wrap(sent).asLongBuffer().put(numbers[t][k]);
          attempt(to, () -> comms[k].Send(sent, 0, sent.length, MPI.BYTE, t, END_TAG + sender));
        }
      }
    }

    private void send(byte[] data, int to, int style, int tag, int mode) {
      switch (mode) {
        case 0 -> comms[style].Send(data, 0, data.length, MPI.BYTE, to, tag);
        case 1 -> comms[style].Ssend(data, 0, data.length, MPI.BYTE, to, tag);
        default -> {
          pending.add(
              mode == 2
                  ? comms[style].Isend(data, 0, data.length, MPI.BYTE, to, tag)
                  : comms[style].Issend(data, 0, data.length, MPI.BYTE, to, tag));
          pendingTo.add(to);
        }
      }
    }

    private void finishOne() {
      Request request = pending.poll();
      attempt(pendingTo.poll(), request::Wait);
    }

    /** A lost rank is the only excuse. */
    private void attempt(int to, Runnable operation) {
      if (!gone.contains(to)) {
        try {
          operation.run();
        } catch (MPIException e) {
          RankLostException lost = RankLostException.find(e);
          if (lost == null || lost.rank() != to) {
            throw e;
          }
          gone.add(to);
        }
      }
    }
  }

  /** Receives on one communicator, in its own style, and keeps account of all streams. */
  private final class Receiver {

    private final int style;
    private final byte[] data = new byte[BIGGEST];
    private final long[][][] numbers = new long[size][SENDERS][TAGS];
    private final Set<Integer> ended = new HashSet<>();
    private final Set<Integer> lost = new HashSet<>();
    private final Set<Integer> broken = new HashSet<>();
    private final byte[] second = new byte[BIGGEST];

    Receiver(int style) {
      this.style = style;
    }

    void run() {
      while (!isOver()) {
        switch (style) {
          case 0 -> receiveAndTake(MPI.ANY_SOURCE, MPI.ANY_TAG);
          case 1 -> probeThenReceive();
          default -> receiveSeveral();
        }
      }
    }

    private boolean isOver() {
      return unfinished() == 0;
    }

    /**
     * Ranks from each of which at least one more message comes: its end, or the note that it is
     * lost.
     */
    private int unfinished() {
      int n = 0;
      for (int r = 0; r < size; r++) {
        int rank = r;
        if (!lost.contains(r)
            && ended.stream().filter(e -> e / SENDERS == rank).count() < SENDERS) {
          n++;
        }
      }
      return n;
    }

    private void receiveAndTake(int source, int tag) {
      try {
        take(data, comms[style].Recv(data, 0, data.length, MPI.BYTE, source, tag));
      } catch (MPIException e) {
        forgive(e);
      }
    }

    /** The rest of a lost rank's message does not come; the note about its loss will. */
    private void forgive(MPIException e) {
      RankLostException loss = RankLostException.find(e);
      if (loss == null) {
        throw e;
      }
      broken.add(loss.rank());
    }

    private void end(int source, int sender, LongBuffer sent) {
      for (int tag = 0; tag < TAGS; tag++) {
        if (sent.get(tag) != numbers[source][sender][tag]) {
          throw new AssertionError(
              "rank "
                  + source
                  + " sent "
                  + sent.get(tag)
                  + ", arrived "
                  + numbers[source][sender][tag]);
        }
      }
      ended.add(source * SENDERS + sender);
    }

    private void probeThenReceive() {
      Status probed =
          ThreadLocalRandom.current().nextBoolean()
              ? comms[style].Probe(MPI.ANY_SOURCE, MPI.ANY_TAG)
              : comms[style].Iprobe(MPI.ANY_SOURCE, MPI.ANY_TAG);
      if (probed != null) {
        receiveAndTake(probed.source, probed.tag);
      }
    }

    /** Posts some receives at once, waits for them in the order of posting. */
    private void receiveSeveral() {
      List<Request> requests = new ArrayList<>();
      List<byte[]> buffers = new ArrayList<>();
      int several = unfinished() > 1 ? ThreadLocalRandom.current().nextInt(1, 3) : 1;
      for (int i = 0; i < several; i++) {
        byte[] buffer = i == 0 ? data : second;
        buffers.add(buffer);
        requests.add(comms[style].Irecv(buffer, 0, BIGGEST, MPI.BYTE, MPI.ANY_SOURCE, MPI.ANY_TAG));
      }
      for (int i = 0; i < requests.size(); i++) {
        try {
          take(buffers.get(i), requests.get(i).Wait());
        } catch (MPIException e) {
          forgive(e);
        }
      }
    }

    private void take(byte[] content, Status status) {
      if (interrupts && ThreadLocalRandom.current().nextInt(3) == 0) {
        Thread.interrupted();
      }
      messages.incrementAndGet();
      bytes.addAndGet(status.count);
      int source = status.source;
      if (status.tag == LOST_TAG) {
        lost.add((int) content[0]);
      } else if (broken.contains(source)) {
        return; // one of its messages failed in the middle, and the later ones have arrived whole
      } else if (status.tag >= END_TAG) {
        end(source, status.tag - END_TAG, ByteBuffer.wrap(content).asLongBuffer());
      } else {
        int sender = status.tag / TAGS;
        int tag = status.tag % TAGS;
        Storm.Content.check(
            content,
            status.count,
            stream(source, sender, tag, style),
            numbers[source][sender][tag]++);
      }
    }
  }
}
