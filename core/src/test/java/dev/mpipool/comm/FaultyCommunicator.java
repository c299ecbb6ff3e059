package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BinaryOperator;

/**
 * Ranks of this JVM to which accidents happen, by a plan: before its n-th message on the pool's
 * communicators a rank is killed, or stopped for a while, or the message cannot be sent; and
 * messages take their time.
 *
 * <p>Who is killed sends and receives nothing more, and the others are told, a little later. Who is
 * stopped neither sends nor receives, as if it were asleep, until it wakes; nobody is told. Other
 * methods than these are the local communicator's.
 */
public final class FaultyCommunicator implements Communicator, MessageChannel {

  /** What may happen. */
  public enum Accident {
    /** The rank is dead from then on. */
    KILLED,
    /** The rank sleeps for a while. */
    STOPPED,
    /** The message is not sent, and its sender is told. */
    UNSENT,
    /** There is no memory to send the message. */
    NO_MEMORY_TO_SEND,
    /** There is no memory to receive: the count is that of receives. */
    NO_MEMORY_TO_RECEIVE,
    /** To receive fails with an error, and a message is lost: the count is that of receives. */
    RECEIVER_DIES
  }

  /**
   * One accident.
   *
   * @param what happens
   * @param rank to whom
   * @param message at its how many-th message
   * @param millis how long it is stopped
   */
  public record Fault(Accident what, int rank, int message, long millis) {}

  /** Ranks with one fate. */
  public static final class World {
    private static final ScheduledExecutorService LATER = later();

    private final List<Fault> plan;
    private final int maxDelayMicros;
    private final List<AtomicInteger> sent = new ArrayList<>();
    private final List<AtomicInteger> received = new ArrayList<>();
    private final List<CountDownLatch> awake = new CopyOnWriteArrayList<>();
    private final Set<Integer> dead = ConcurrentHashMap.newKeySet();
    private final List<FaultyCommunicator> all = new CopyOnWriteArrayList<>();
    private final List<Fault> happened = new CopyOnWriteArrayList<>();

    /**
     * Ranks that are all well until the plan says otherwise.
     *
     * @param size how many
     * @param plan what happens
     * @param maxDelayMicros how long a message takes at most
     */
    public World(int size, List<Fault> plan, int maxDelayMicros) {
      this.plan = plan;
      this.maxDelayMicros = maxDelayMicros;
      for (int i = 0; i < size; i++) {
        sent.add(new AtomicInteger());
        received.add(new AtomicInteger());
        awake.add(new CountDownLatch(0));
      }
    }

    private static ScheduledExecutorService later() {
      ScheduledThreadPoolExecutor later =
          new ScheduledThreadPoolExecutor(
              2,
              body -> {
                Thread thread = new Thread(body, "faults");
                thread.setDaemon(true);
                return thread;
              });
      later.setRemoveOnCancelPolicy(true);
      return later;
    }

    /**
     * Communicators for these ranks; the faults happen on their duplicates.
     *
     * @return by rank
     */
    public List<Communicator> ranks() {
      return LocalCommunicator.create(sent.size()).stream()
          .<Communicator>map(local -> new FaultyCommunicator(this, local, false))
          .toList();
    }

    /**
     * What has happened so far.
     *
     * @return parts of the plan
     */
    public List<Fault> happened() {
      return happened;
    }

    /**
     * Ends a rank now.
     *
     * @param rank which
     */
    public void kill(int rank) {
      if (!dead.add(rank)) {
        return;
      }
      wake(rank);
      for (FaultyCommunicator one : all) {
        if (one.rank() == rank) {
          one.local.close();
        } else {
          LATER.schedule(() -> one.tell(rank), 200, TimeUnit.MICROSECONDS);
        }
      }
    }

    private void stop(int rank, long millis) {
      awake.set(rank, new CountDownLatch(1));
      LATER.schedule(() -> wake(rank), millis, TimeUnit.MILLISECONDS);
    }

    private void wake(int rank) {
      awake.get(rank).countDown();
    }

    /** The schedule is over: nothing may wait for it. */
    public void end() {
      for (int rank = 0; rank < sent.size(); rank++) {
        wake(rank);
      }
      all.forEach(one -> one.local.close());
    }

    private Accident fate(int rank, int message, boolean receiving) {
      for (Fault fault : plan) {
        if (fault.rank() == rank
            && fault.message() == message
            && receiving == isOfReceiver(fault.what())) {
          happened.add(fault);
          switch (fault.what()) {
            case KILLED -> kill(rank);
            case STOPPED -> stop(rank, fault.millis());
            default -> {}
          }
          return fault.what();
        }
      }
      return null;
    }

    private static boolean isOfReceiver(Accident what) {
      return what == Accident.NO_MEMORY_TO_RECEIVE || what == Accident.RECEIVER_DIES;
    }
  }

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final World world;
  private final MessageCommunicator local;
  private final Collectives collectives;
  private final boolean faulty;
  private final List<RankLostListener> listeners = new CopyOnWriteArrayList<>();
  private final Random random = new Random();

  private FaultyCommunicator(World world, Communicator local, boolean faulty) {
    this.world = world;
    this.local = (MessageCommunicator) local;
    this.faulty = faulty;
    this.collectives =
        new Collectives(
            local.rank(),
            Members.all(local.size()),
            new Collectives.Messages() {
              @Override
              public void send(int destination, int tag, ByteBuffer message) {
                FaultyCommunicator.this.transmit(destination, tag, message, NOTHING);
              }

              @Override
              public Message receive(int source, int tag) {
                return FaultyCommunicator.this.receiveMatch(source, tag);
              }
            });
    if (faulty) {
      world.all.add(this);
    }
  }

  private void tell(int rank) {
    if (!world.dead.contains(rank())) {
      listeners.forEach(listener -> listener.rankLost(rank, "killed by plan"));
    }
  }

  @Override
  public int rank() {
    return local.rank();
  }

  @Override
  public int size() {
    return local.size();
  }

  @Override
  public void send(int destination, int tag, ByteBuffer message) {
    transmit(destination, tag, message, NOTHING);
  }

  @Override
  public void sendParts(int destination, int tag, List<ByteBuffer> parts) {
    if (parts.size() == 2) {
      transmit(destination, tag, parts.get(0), parts.get(1));
    } else {
      MessageChannel.super.sendParts(destination, tag, parts);
    }
  }

  @Override
  public Message receive(int source, int tag) {
    return receiveMatch(source, tag);
  }

  @Override
  public void barrier() {
    collectives.barrier();
  }

  @Override
  public byte[] broadcast(byte[] value, int root) {
    return collectives.broadcast(value, root);
  }

  @Override
  public List<byte[]> gather(byte[] value, int root) {
    return collectives.gather(value, root);
  }

  @Override
  public List<byte[]> allGather(byte[] value) {
    return collectives.allGather(value);
  }

  @Override
  public byte[] scatter(List<byte[]> values, int root) {
    return collectives.scatter(values, root);
  }

  @Override
  public byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
    return collectives.reduce(value, operator, root);
  }

  private void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer attachment) {
    transmit(destination, () -> local.transmit(destination, tag, beginning, attachment));
  }

  private void transmit(int destination, Runnable transmission) {
    if (!faulty) {
      transmission.run();
      return;
    }
    Accident fate = world.fate(rank(), world.sent.get(rank()).incrementAndGet(), false);
    sleepUntilAwake();
    if (world.maxDelayMicros > 0) {
      LockSupport.parkNanos(random.nextInt(1000 * world.maxDelayMicros));
    }
    if (fate == Accident.NO_MEMORY_TO_SEND) {
      throw new OutOfMemoryError("by plan");
    }
    if (fate == Accident.UNSENT) {
      throw new CommunicatorException("unsent by plan", null);
    }
    if (world.dead.contains(destination)) {
      throw new RankLostException(destination, "dead by plan", null);
    }
    if (!world.dead.contains(rank())) {
      transmission.run();
    }
  }

  private Message receiveMatch(int source, int tag) {
    Accident fate =
        faulty ? world.fate(rank(), world.received.get(rank()).incrementAndGet(), true) : null;
    if (fate == Accident.NO_MEMORY_TO_RECEIVE) {
      throw new OutOfMemoryError("by plan");
    }
    Message message = local.receiveMatch(source, tag);
    if (faulty) {
      sleepUntilAwake();
      if (world.dead.contains(rank())) {
        throw new CommunicatorException("this rank is dead by plan", null);
      }
    }
    if (fate == Accident.RECEIVER_DIES) {
      throw new InternalError("by plan");
    }
    return message;
  }

  private void sleepUntilAwake() {
    boolean interrupted = false;
    while (true) {
      try {
        world.awake.get(rank()).await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public Communicator duplicate() {
    return new FaultyCommunicator(world, local.duplicate(), true);
  }

  @Override
  public Communicator split(int color, int key) {
    return new FaultyCommunicator(world, local.split(color, key), true);
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    listeners.add(listener);
    world.dead.forEach(rank -> listener.rankLost(rank, "killed by plan"));
  }

  @Override
  public FailureModel failureModel() {
    return FailureModel.PER_RANK;
  }

  @Override
  public boolean callableFromAnyThread() {
    return true;
  }

  @Override
  public void close() {
    local.close();
  }
}
