package dev.mpipool.transport;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.memory.Buffers;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ranks that are threads of this JVM: those of the launcher's multicore mode, each with classes of
 * its own, and those of a program without MPI. A message is copied when it is sent, so ranks share
 * no data; a direct one lies where it is until its receiver has copied it.
 */
public final class ThreadTransport implements Transport {

  /** In a queue: no message, but something to look for. */
  private static final Object[] WAKE = {};

  /** In a queue, of this length: the number of a rank that leaves the job. */
  private static final int LEFT = 1;

  /** A longer direct message is copied by its receiver. */
  private static final int SHORT_BYTES = 64 * 1024;

  /** A sender that runs out of memory may have put a message into a queue and not told of it. */
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How often a thread that waits for another rank looks whether that is lost. */
  private static final long ALIVE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final RankQueues queues;
  private final int rank;
  private final int size;
  private final BlockingQueue<Object[]> mine;

  private Receiver receiver;
  private volatile boolean finished;
  private volatile boolean leaving;

  /** What has come last and is not yet delivered, since memory has run out. */
  private Object[] next;

  private ThreadTransport(RankQueues queues, int rank, int size) {
    this.queues = queues;
    this.rank = rank;
    this.size = size;
    mine = queues.messages(rank);
  }

  /**
   * Ranks that only those know that get them.
   *
   * @param size how many
   * @return each rank's end
   */
  public static List<Transport> create(int size) {
    RankQueues queues = new RankQueues();
    List<Transport> ranks = new ArrayList<>(); // no lambda: each rank of a JVM would make its own
    for (int rank = 0; rank < size; rank++) {
      ranks.add(new ThreadTransport(queues, rank, size));
    }
    return ranks;
  }

  /**
   * One of the ranks that the launcher has started in this JVM.
   *
   * @param rank its number
   * @return its end
   */
  public static Transport ofProcess(int rank) {
    return new ThreadTransport(RankQueues.ofProcess(), rank, RankQueues.count());
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void start(Receiver to) {
    receiver = to;
    queues.setOpen(rank, true);
  }

  @Override
  public void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    byte[] end = attachment.hasRemaining() ? Buffers.copy(attachment) : null;
    queues.messages(destination).add(new Object[] {rank, context, tag, Buffers.copy(data), end});
  }

  @Override
  public void poll(long nanos) {
    if (next == null) {
      next = poll(mine, Math.min(nanos, LOOK_NANOS));
    }
    if (next != null) {
      if (next.length == LEFT) {
        receiver.left((Integer) next[0]);
      } else if (next.length > 0) {
        ByteBuffer data = ByteBuffer.wrap((byte[]) next[3]);
        receiver.received(
            (Integer) next[0], (Long) next[1], (Integer) next[2], data, (byte[]) next[4], 0);
      }
      next = null;
    }
  }

  @Override
  public void wake() {
    long pause = 0;
    while (true) {
      try {
        mine.add(WAKE);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  @Override
  public Threads threads() {
    return Threads.ANY;
  }

  @Override
  public FailureModel failures() {
    return queues == RankQueues.ofProcess() ? FailureModel.PER_RANK : FailureModel.NONE;
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    queues.onExited(listener::rankLost);
  }

  @Override
  public boolean isDirect() {
    return true;
  }

  @Override
  public void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    boolean isShort = message.remaining() <= SHORT_BYTES;
    CountDownLatch taken = new CountDownLatch(1);
    queues
        .direct(context, rank, destination, tag)
        .add(
            new Object[] {
              isShort ? ByteBuffer.wrap(Buffers.copy(message)) : message.duplicate(), taken
            });
    boolean done = isShort;
    while (!done) {
      boolean left = queues.hasLeft(destination);
      done = Uninterruptibles.get(() -> taken.await(ALIVE_NANOS, TimeUnit.NANOSECONDS));
      checkThatGoesOn(destination, done, left);
    }
  }

  @Override
  public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
    BlockingQueue<Object[]> from = queues.direct(context, source, rank, tag);
    Object[] message = null;
    while (message == null) {
      boolean left = queues.hasLeft(source);
      message = poll(from, ALIVE_NANOS);
      checkThatGoesOn(source, message != null, left);
    }
    try {
      ByteBuffer data = (ByteBuffer) message[0];
      place.put(place.position(), data, data.position(), data.remaining());
      return data.remaining();
    } finally {
      ((CountDownLatch) message[1]).countDown();
    }
  }

  /** Left is looked up before the last look for a message: that may have been sent before. */
  private void checkThatGoesOn(int other, boolean done, boolean left) {
    if (!done && queues.isExited(other)) {
      throw new RankLostException(other, "Rank %d is lost".formatted(other), null);
    }
    if (!done && left) {
      throw new RankLostException(
          other,
          "Rank %d has left the job (MPIRuntime.finish or MPI.Finalize)".formatted(other),
          null);
    }
    if (!done && finished) {
      throw new CommunicatorException("The job has been finished by this rank", null);
    }
  }

  @Override
  public void forget(long context) {
    queues.forget(context, rank);
  }

  @Override
  public boolean ranksAreProcesses() {
    return false;
  }

  @Override
  public boolean launcherEndsRanks() {
    return true;
  }

  @Override
  public void leaving() {
    if (!leaving) {
      leaving = true;
      for (int other = 0; other < size; other++) {
        if (other != rank) {
          queues.messages(other).add(new Object[] {rank});
        }
      }
    }
  }

  @Override
  public void finish(boolean alone) {
    leaving();
    queues.leave(rank, size, this::end);
  }

  /** Ends calls of threads of this rank, which may have served other ranks. */
  private void end() {
    finished = true;
    receiver.broken("The job has been finished by this rank");
  }

  private static Object[] poll(BlockingQueue<Object[]> from, long nanos) {
    return Uninterruptibles.get(() -> from.poll(nanos, TimeUnit.NANOSECONDS));
  }
}
