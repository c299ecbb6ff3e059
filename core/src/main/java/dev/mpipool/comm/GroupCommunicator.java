package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.commons.lang3.Validate;

/**
 * Some ranks of another communicator, brought together without a collective call of the rest. MPI's
 * own split needs every rank, busy or not; here messages travel as parts of somebody else's, which
 * {@link Links} sends and whoever receives it gives to {@link #deliver}.
 *
 * <pre>
 *   message: | context (long) | tag (int) | contents |
 * </pre>
 *
 * Each duplicate and split has a context of its own, made of the number in the group of its first
 * rank and of a count that this rank keeps, so that no two are the same in one group.
 *
 * <p>{@link #end} frees all who wait, for good. Calls may come from any thread.
 */
public final class GroupCommunicator extends AbstractCommunicator {

  private static final int HEADER_BYTES = Long.BYTES + Integer.BYTES;
  private static final int SPLIT = -6;

  /** The way to the other members. */
  @FunctionalInterface
  public interface Links {
    /**
     * Sends a message. Does not wait for its receiver.
     *
     * @param member the receiver's number in the group
     * @param message for its {@link #deliver}; not touched by the sender any more
     */
    void send(int member, ByteBuffer message);
  }

  /** What all communicators of this rank in one group have in common. */
  private static final class Hub {
    final int member;
    final int members;
    final Links links;
    final Map<Long, Mailbox> mailboxes = new ConcurrentHashMap<>();
    final AtomicInteger contexts = new AtomicInteger();
    volatile String ended;

    Hub(int member, int members, Links links) {
      this.member = member;
      this.members = members;
      this.links = links;
    }

    Mailbox mailbox(long context) {
      Mailbox mailbox = mailboxes.computeIfAbsent(context, key -> new Mailbox(members, null));
      if (ended != null) {
        mailbox.close(ended);
      }
      return mailbox;
    }
  }

  private final Hub hub;
  private final long context;

  /** The numbers in the group of this communicator's ranks. */
  private final List<Integer> members;

  private GroupCommunicator(Hub hub, long context, List<Integer> members) {
    super(members.indexOf(hub.member), members.size());
    this.hub = hub;
    this.context = context;
    this.members = members;
  }

  /**
   * One rank's communicator of a new group.
   *
   * @param member the rank
   * @param members how many there are
   * @param links to the others
   * @return a communicator of all members
   */
  public static GroupCommunicator create(int member, int members, Links links) {
    Objects.requireNonNull(links, "links");
    Validate.isTrue(member >= 0 && member < members, "Member %d of %d", member, (Object) members);
    List<Integer> all = IntStream.range(0, members).boxed().toList();
    return new GroupCommunicator(new Hub(member, members, links), 0, all);
  }

  /**
   * A message has come for this rank. May be called by any thread, never waits.
   *
   * @param member the sender's number in the group
   * @param message what was given to its links
   */
  public void deliver(int member, ByteBuffer message) {
    if (message.remaining() < HEADER_BYTES || member < 0 || member >= hub.members) {
      throw new CommunicatorException(
          "A message of %d bytes from member %d".formatted(message.remaining(), member), null);
    }
    ByteBuffer in = message.duplicate();
    long to = in.getLong();
    int tag = in.getInt();
    hub.mailbox(to).deliver(new Message(member, tag, in.slice()));
  }

  /**
   * Nothing more will come: whoever waits in a call of this group, now or later, gets an exception.
   *
   * @param reason a whole sentence
   */
  public void end(String reason) {
    hub.ended = reason;
    hub.mailboxes.values().forEach(mailbox -> mailbox.close(reason));
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer message) {
    checkOpen();
    ByteBuffer copy = ByteBuffer.allocate(HEADER_BYTES + message.remaining());
    copy.putLong(context).putInt(tag).put(message.duplicate()).flip();
    int member = members.get(destination);
    if (member == hub.member) {
      deliver(member, copy);
    } else {
      hub.links.send(member, copy);
    }
  }

  @Override
  Message take(int source, int tag) {
    int member = source == ANY_SOURCE ? ANY_SOURCE : members.get(source);
    Message message = hub.mailbox(context).take(member, tag);
    return new Message(members.indexOf(message.source()), message.tag(), message.data());
  }

  private void checkOpen() {
    if (hub.ended != null) {
      throw new CommunicatorException(hub.ended, null);
    }
  }

  @Override
  public Communicator duplicate() {
    return split(0, 0);
  }

  @Override
  public Communicator split(int color, int key) {
    List<Integer> ranks = membersOfMyColor(color, key);
    long number;
    if (ranks.get(0) == rank()) {
      number = (hub.member + 1L) << Integer.SIZE | hub.contexts.incrementAndGet();
      ByteBuffer message = ByteBuffer.allocate(Long.BYTES).putLong(0, number);
      ranks.stream().skip(1).forEach(rank -> transmit(rank, SPLIT, message));
    } else {
      number = take(ranks.get(0), SPLIT).data().getLong();
    }
    return new GroupCommunicator(hub, number, ranks.stream().map(members::get).toList());
  }

  /** Does nothing: a group ends with the first of its members that is lost. */
  @Override
  public void onRankLost(RankLostListener listener) {
    checkNotClosed();
    Objects.requireNonNull(listener, "listener");
  }

  /** The group does not: its task is run again by others, or fails. */
  @Override
  public boolean survivesLostRanks() {
    return false;
  }

  @Override
  public boolean callableFromAnyThread() {
    return true;
  }

  @Override
  public void close() {
    markClosed();
    if (context != 0) {
      hub.mailbox(context).close("The communicator has been closed");
    }
  }
}
