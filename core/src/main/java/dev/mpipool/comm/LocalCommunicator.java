package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.commons.lang3.Validate;

/**
 * Ranks inside this JVM, over queues: for programs without MPI, and for tests.
 *
 * <p>A send never waits. A message is copied when it is sent, so ranks share no data. Calls may
 * come from any thread, and no rank is ever lost. Closing one wakes the threads that wait in it.
 */
public final class LocalCommunicator extends AbstractCommunicator {

  private static final int SPLIT = -6;

  private static final AtomicLong NEXT_GROUP = new AtomicLong();

  /** Groups that are being made by a duplicate or split, by number, until each member has come. */
  private static final Map<Long, Group> FORMING = new ConcurrentHashMap<>();

  private final Group group;

  private LocalCommunicator(Group group, int rank) {
    super(rank, group.mailboxes.size());
    this.group = group;
  }

  /**
   * Creates a group of ranks.
   *
   * @param size how many, at least 1
   * @return the communicator of each rank, by rank
   */
  public static List<Communicator> create(int size) {
    Validate.isTrue(size > 0, "A communicator has at least one rank, not %d", size);
    return create(new Group(size, false));
  }

  /** The world of a process without MPI. */
  static Communicator alone() {
    return create(new Group(1, true)).get(0);
  }

  private static List<Communicator> create(Group group) {
    return IntStream.range(0, group.mailboxes.size())
        .<Communicator>mapToObj(rank -> new LocalCommunicator(group, rank))
        .toList();
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer message) {
    deliver(destination, new Message(rank(), tag, ByteBuffer.wrap(copy(message))));
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    deliver(destination, new Message(rank(), tag, ByteBuffer.wrap(copy(beginning)), copy(tail)));
  }

  private void deliver(int destination, Message message) {
    group.mailboxes.get(destination).deliver(message);
  }

  @Override
  Message take(int source, int tag) {
    return group.mailboxes.get(rank()).take(source, tag);
  }

  @Override
  public Communicator duplicate() {
    return split(0, rank());
  }

  @Override
  public Communicator split(int color, int key) {
    List<Integer> members = membersOfMyColor(color, key);
    int newRank = members.indexOf(rank());
    Group joined = newRank == 0 ? lead(members) : follow(members.get(0));
    return new LocalCommunicator(joined, newRank);
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    checkNotClosed();
    Validate.notNull(listener, "listener");
  }

  @Override
  public boolean survivesLostRanks() {
    return true;
  }

  @Override
  public boolean callableFromAnyThread() {
    return true;
  }

  @Override
  public void close() {
    if (!group.permanent) {
      markClosed();
      group.mailboxes.get(rank()).close();
    }
  }

  /** The first rank of a new group makes it and tells the others its number. */
  private Group lead(List<Integer> members) {
    Group made = new Group(members.size(), false);
    long number = NEXT_GROUP.incrementAndGet();
    FORMING.put(number, made);
    made.expected.set(members.size() - 1L);
    if (members.size() == 1) {
      FORMING.remove(number);
    }
    ByteBuffer message = ByteBuffer.allocate(Long.BYTES).putLong(0, number);
    members.stream().skip(1).forEach(member -> transmit(member, SPLIT, message));
    return made;
  }

  private Group follow(int leader) {
    long number = take(leader, SPLIT).data().getLong();
    Group made = FORMING.get(number);
    if (made.expected.decrementAndGet() == 0) {
      FORMING.remove(number);
    }
    return made;
  }

  private static final class Group {
    private final List<Mailbox> mailboxes;
    private final AtomicLong expected = new AtomicLong();

    private final boolean permanent;

    Group(int size, boolean permanent) {
      this.permanent = permanent;
      mailboxes = IntStream.range(0, size).mapToObj(i -> new Mailbox(size, null)).toList();
    }
  }
}
