package dev.mpipool.comm;

import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BinaryOperator;
import java.util.stream.IntStream;
import org.apache.commons.lang3.Validate;

/**
 * The communicator over any {@link Transport}. All communicators of a rank share its transport, and
 * each message carries the number of its communicator's context. So duplicating or splitting a
 * communicator takes a few messages and no support by the transport. Not for programs, which see a
 * {@link Communicator}.
 */
public final class MessageCommunicator implements Communicator, MessageChannel {

  private static final int SPLIT = -6;
  private static final int DUPLICATE = -8;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final MessageRouter router;
  private final Mailbox mailbox;
  private final Members members;
  private final int rank;
  private final Collectives collectives;
  private final boolean permanent;
  private volatile boolean closed;

  /** The listeners registered with the router for this communicator, until it is closed. */
  private final List<RankLostListener> listeners = new CopyOnWriteArrayList<>();

  private MessageCommunicator(
      MessageRouter router, long context, Members members, boolean permanent) {
    this.router = router;
    this.members = members;
    this.permanent = permanent;
    this.rank = members.rankOf(router.transport.rank());
    this.mailbox = router.open(context);
    this.collectives =
        new Collectives(
            rank,
            members,
            new Collectives.Messages() {
              @Override
              public void send(int destination, int tag, ByteBuffer message) {
                MessageCommunicator.this.transmit(destination, tag, message, NOTHING);
              }

              @Override
              public Message receive(int source, int tag) {
                return MessageCommunicator.this.receiveMatch(source, tag);
              }
            });
  }

  /**
   * Starts a transport.
   *
   * @param transport not yet started
   * @return the communicator of all its ranks; closing it has no effect
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
   * Creates a communicator of some ranks, which all make this call. Exchanges no messages.
   *
   * @param context the same number on these ranks, used by no other communicator: from
   *     0x7fff_0000_0000 to 0x7fff_ffff_ffff
   * @param ranks of this communicator, in the order of their new ranks; must include this rank
   * @return the new communicator, which the caller must close
   */
  public MessageCommunicator part(long context, int... ranks) {
    checkNotClosed();
    int[] ofTransport = IntStream.of(ranks).map(members::transportRank).toArray();
    return new MessageCommunicator(
        router, context, Members.of(ofTransport, router.transport.size()), false);
  }

  /**
   * Whether this communicator can be used.
   *
   * @return false once it is closed
   */
  public boolean isOpen() {
    return !closed;
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return members.size();
  }

  private void checkNotClosed() {
    if (closed) {
      throw new IllegalStateException("The communicator is closed");
    }
  }

  @Override
  public void send(int destination, int tag, ByteBuffer message) {
    checkSend(destination, tag);
    Objects.requireNonNull(message, "message");
    transmit(destination, tag, message, NOTHING);
  }

  @Override
  public void sendParts(int destination, int tag, List<ByteBuffer> parts) {
    checkNotClosed();
    if (parts.size() == 2) {
      checkSend(destination, tag);
      transmit(destination, tag, parts.get(0), parts.get(1));
    } else {
      MessageChannel.super.sendParts(destination, tag, parts);
    }
  }

  private void checkSend(int destination, int tag) {
    checkNotClosed();
    members.check(destination, "destination");
    Validate.isTrue(tag >= 0, "A tag is at least 0, but this one is %d", tag);
  }

  @Override
  public Message receive(int source, int tag) {
    checkNotClosed();
    if (source != ANY_SOURCE) {
      members.check(source, "source");
    }
    Validate.isTrue(tag >= ANY_TAG, "A tag is at least 0 or ANY_TAG, but this one is %d", tag);
    return receiveMatch(source, tag);
  }

  /** Sends to a valid rank, with any tag; a long second part may arrive as an attachment. */
  void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer attachment) {
    int member = members.transportRank(destination);
    try {
      router.send(member, mailbox.context, tag, beginning, attachment);
    } catch (RankLostException e) {
      throw translated(e);
    }
  }

  /** The exception with the rank of this communicator instead of the transport's. */
  private RankLostException translated(RankLostException e) {
    return members.areAll()
        ? e
        : new RankLostException(members.rankOf(e.rank()), e.getMessage(), e.getCause());
  }

  /** Receives a message; a negative tag other than ANY_TAG is that of a collective call. */
  Message receiveMatch(int source, int tag) {
    int member = source == ANY_SOURCE ? ANY_SOURCE : members.transportRank(source);
    try {
      return translated(router.receive(mailbox, member, tag, members));
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
            members.rankOf(message.source()),
            message.tag(),
            message.beginning(),
            message.attachment());
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

  private void checkOther(int other, int tag) {
    checkNotClosed();
    members.check(other, "rank");
    Validate.isTrue(other != rank, "Rank %d is this rank itself", other);
    Validate.isTrue(tag >= 0, "A tag is at least 0, but this one is %d", tag);
  }

  // ---- collective calls

  private Collectives collectives() {
    checkNotClosed();
    return collectives;
  }

  @Override
  public void barrier() {
    collectives().barrier();
  }

  @Override
  public void markServed() {
    checkNotClosed();
    router.markServed(mailbox);
  }

  @Override
  public Runnable onLeaving(Runnable action) {
    checkNotClosed();
    return router.onLeaving(action);
  }

  /** This rank is about to leave its job. */
  void leaving() {
    router.leaving();
  }

  @Override
  public byte[] broadcast(byte[] value, int root) {
    return collectives().broadcast(value, root);
  }

  @Override
  public List<byte[]> gather(byte[] value, int root) {
    return collectives().gather(value, root);
  }

  @Override
  public List<byte[]> allGather(byte[] value) {
    return collectives().allGather(value);
  }

  @Override
  public byte[] scatter(List<byte[]> values, int root) {
    return collectives().scatter(values, root);
  }

  @Override
  public byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
    return collectives().reduce(value, operator, root);
  }

  /** Collective: rank 0 sends the new context's number once all others have asked for it. */
  @Override
  public Communicator duplicate() {
    checkNotClosed();
    long number;
    if (rank == 0) {
      List<Integer> others = new ArrayList<>();
      for (int other = 1; other < size(); other++) {
        receiveMatch(other, DUPLICATE);
        others.add(other);
      }
      number = newContext(others);
    } else {
      transmit(0, DUPLICATE, NOTHING, NOTHING);
      number = receiveMatch(0, SPLIT).data().getLong();
    }
    return new MessageCommunicator(router, number, members, false);
  }

  @Override
  public Communicator split(int color, int key) {
    List<Integer> ranks = collectives().membersOfMyColor(color, key);
    long number =
        ranks.get(0) == rank
            ? newContext(ranks.subList(1, ranks.size()))
            : receiveMatch(ranks.get(0), SPLIT).data().getLong();
    Members selected = members.select(ranks, router.transport.size());
    return new MessageCommunicator(router, number, selected, false);
  }

  /** Creates the number of a new context, and sends it to the other ranks. */
  private long newContext(List<Integer> others) {
    long number = router.newContext();
    ByteBuffer message = ByteBuffer.allocate(Long.BYTES).putLong(0, number);
    for (int other : others) {
      transmit(other, SPLIT, message, NOTHING);
    }
    return number;
  }

  // ---- lost ranks, and capabilities of the transport

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
  public long lastProgress(int other) {
    return router.transport.lastProgress(members.transportRank(other));
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
      closed = true;
      router.close(mailbox);
      router.forget(listeners);
    }
  }
}
