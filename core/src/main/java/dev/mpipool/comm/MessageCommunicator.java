package dev.mpipool.comm;

import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;

/**
 * Ranks that a {@link Transport} connects. All communicators of a rank share the transport; a
 * message carries the number of the communicator's context. So a duplicate or a part of the ranks
 * costs a few messages and nothing of the transport.
 */
public final class MessageCommunicator extends AbstractCommunicator {

  private static final int SPLIT = -6;
  private static final int DUPLICATE = -8;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final MessageRouter router;
  private final Mailbox mailbox;
  private final Members members;
  private final boolean permanent;

  /** What this communicator is registered with; forgotten when it is closed. */
  private final List<RankLostListener> listeners = new CopyOnWriteArrayList<>();

  private MessageCommunicator(
      MessageRouter router, long context, Members members, boolean permanent) {
    super(members.rankOf(router.transport.rank()), members.size());
    this.router = router;
    this.members = members;
    this.permanent = permanent;
    this.mailbox = router.open(context);
  }

  /**
   * Takes a transport into use.
   *
   * @param transport not yet started
   * @return the communicator of all its ranks, whose close does nothing
   */
  public static MessageCommunicator world(Transport transport) {
    return ofAll(transport, true);
  }

  /** The communicator of all ranks of a transport, which is not yet started. */
  static MessageCommunicator ofAll(Transport transport, boolean permanent) {
    MessageRouter router = MessageRouter.start(transport);
    return new MessageCommunicator(
        router, MessageRouter.ALL, Members.all(transport.size()), permanent);
  }

  /**
   * A communicator of some ranks that know by themselves which they are. Not collective.
   *
   * @param context the same number on all of them, and theirs alone: from 0x7fff_0000_0000 to
   *     0x7fff_ffff_ffff
   * @param ranks of this communicator, by their rank in the new one; this rank is among them
   * @return to be closed by its owner
   */
  public MessageCommunicator part(long context, int... ranks) {
    checkNotClosed();
    int[] ofTransport = IntStream.of(ranks).map(members::transportRank).toArray();
    return new MessageCommunicator(
        router, context, Members.of(ofTransport, router.transport.size()), false);
  }

  /**
   * Whether it can be used.
   *
   * @return false once it is closed
   */
  public boolean isOpen() {
    return !isClosed();
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer message) {
    transmit(destination, tag, message, NOTHING);
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    int member = members.transportRank(destination);
    try {
      router.send(member, mailbox.context, tag, beginning, tail);
    } catch (RankLostException e) {
      throw translated(e);
    }
  }

  /** The same with the rank as this communicator numbers it. */
  private RankLostException translated(RankLostException e) {
    return members.areAll()
        ? e
        : new RankLostException(members.rankOf(e.rank()), e.getMessage(), e.getCause());
  }

  @Override
  Message take(int source, int tag) {
    int member = source == ANY_SOURCE ? ANY_SOURCE : members.transportRank(source);
    try {
      return translated(router.take(mailbox, member, tag, members));
    } catch (MessageTooLongException e) {
      throw members.areAll()
          ? e
          : new MessageTooLongException(translated(e.beginning()), e.missing());
    }
  }

  private Message translated(Message message) {
    return members.areAll()
        ? message
        : new Message(
            members.rankOf(message.source()), message.tag(), message.beginning(), message.tail());
  }

  @Override
  public void sendDirect(int destination, int tag, ByteBuffer message) {
    checkOther(destination, tag);
    int member = members.transportRank(destination);
    try {
      router.sendDirect(member, mailbox.context, tag, message);
    } catch (RankLostException e) {
      throw translated(e);
    }
  }

  @Override
  public int receiveDirect(int source, int tag, ByteBuffer place) {
    checkOther(source, tag);
    int member = members.transportRank(source);
    try {
      return router.receiveDirect(member, mailbox.context, tag, place, members);
    } catch (RankLostException e) {
      throw translated(e);
    }
  }

  /** The first rank has to hear of all others, and they of it. */
  @Override
  public Communicator duplicate() {
    checkNotClosed();
    long number;
    if (rank() == 0) {
      List<Integer> others = new ArrayList<>();
      for (int other = 1; other < size(); other++) {
        take(other, DUPLICATE);
        others.add(other);
      }
      number = newContext(others);
    } else {
      transmit(0, DUPLICATE, NOTHING);
      number = take(0, SPLIT).data().getLong();
    }
    return new MessageCommunicator(router, number, members, false);
  }

  @Override
  public Communicator split(int color, int key) {
    List<Integer> ranks = membersOfMyColor(color, key);
    long number =
        ranks.get(0) == rank()
            ? newContext(ranks.subList(1, ranks.size()))
            : take(ranks.get(0), SPLIT).data().getLong();
    Members selected = members.select(ranks, router.transport.size());
    return new MessageCommunicator(router, number, selected, false);
  }

  /** A number for a new context, which others are told. */
  private long newContext(List<Integer> others) {
    long number = router.newContext();
    ByteBuffer message = ByteBuffer.allocate(Long.BYTES).putLong(0, number);
    for (int other : others) {
      transmit(other, SPLIT, message);
    }
    return number;
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    checkNotClosed();
    Objects.requireNonNull(listener, "listener");
    RankLostListener ofTransport =
        (lost, reason) -> {
          if (members.contains(lost)) {
            listener.rankLost(members.rankOf(lost), reason);
          }
        };
    listeners.add(ofTransport);
    router.listen(ofTransport);
  }

  @Override
  public long lastProgress(int rank) {
    return router.transport.lastProgress(members.transportRank(rank));
  }

  @Override
  public FailureModel failureModel() {
    return router.transport.failures();
  }

  @Override
  public boolean callableFromAnyThread() {
    return router.transport.threads() == Transport.Threads.ANY;
  }

  @Override
  public boolean keepsAttachments() {
    return router.transport.keepsAttachments();
  }

  @Override
  public boolean isDirect() {
    return router.transport.isDirect();
  }

  @Override
  public void close() {
    if (!permanent) {
      markClosed();
      router.close(mailbox);
      router.forget(listeners);
    }
  }
}
