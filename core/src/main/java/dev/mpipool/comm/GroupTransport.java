package dev.mpipool.comm;

import dev.mpipool.memory.Uninterruptibles;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.commons.lang3.Validate;

/**
 * A transport among some ranks of another communicator, created without a collective call. Its
 * messages are embedded in other messages: {@link Links} sends them, and the receiver passes them
 * to {@link #deliver}. Not for programs.
 *
 * <pre>
 *   message: | context (long) | tag (int) | contents |
 * </pre>
 *
 * <p>{@link #end} frees all waiting threads, now and later.
 */
public final class GroupTransport implements Transport {

  private static final int HEADER_BYTES = Long.BYTES + Integer.BYTES;

  /** Sends messages to the other members. */
  @FunctionalInterface
  public interface Links {
    /**
     * Sends a message, without waiting for the receiver.
     *
     * @param member the receiver's number in the group
     * @param message for the receiver's {@link #deliver}; the caller no longer uses it
     */
    void send(int member, ByteBuffer message);
  }

  private final int member;
  private final int members;
  private final Links links;
  private final Communicator communicator;
  private final Semaphore woken = new Semaphore(0);
  private volatile Receiver receiver;

  private GroupTransport(int member, int members, Links links) {
    this.member = member;
    this.members = members;
    this.links = links;
    this.communicator = MessageCommunicator.ofAll(this, false);
  }

  /**
   * Creates one member's transport of a new group.
   *
   * @param member this rank's number in the group, from 0
   * @param members the size of the group
   * @param links to the other members
   * @return the transport of this member
   */
  public static GroupTransport create(int member, int members, Links links) {
    Objects.requireNonNull(links, "links");
    Validate.isTrue(member >= 0 && member < members, "Member %d of %d", member, (Object) members);
    return new GroupTransport(member, members, links);
  }

  /**
   * The communicator of all members.
   *
   * @return always the same object
   */
  public Communicator communicator() {
    return communicator;
  }

  /**
   * Delivers a message for this rank. May be called by any thread; never waits.
   *
   * @param sender the sender's number in the group
   * @param message as passed to the sender's links
   */
  public void deliver(int sender, ByteBuffer message) {
    if (message.remaining() < HEADER_BYTES || sender < 0 || sender >= members) {
      throw new CommunicatorException(
          "A message of %d bytes from member %d".formatted(message.remaining(), sender), null);
    }
    ByteBuffer in = message.duplicate();
    long context = in.getLong();
    int tag = in.getInt();
    receiver.received(sender, context, tag, in.slice(), null, 0);
  }

  /**
   * Ends the group: waiting calls, and later ones that send or would wait, throw a {@link
   * CommunicatorException}.
   *
   * @param reason a whole sentence
   */
  public void end(String reason) {
    receiver.broken(reason);
  }

  @Override
  public int rank() {
    return member;
  }

  @Override
  public int size() {
    return members;
  }

  @Override
  public void start(Receiver to) {
    receiver = to;
  }

  @Override
  public void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    long length = (long) HEADER_BYTES + data.remaining() + attachment.remaining();
    ByteBuffer message = ByteBuffer.allocate(Math.toIntExact(length));
    message.putLong(context).putInt(tag).put(data.duplicate()).put(attachment.duplicate());
    links.send(destination, message.flip());
  }

  /** Waits for {@link #wake}: other threads deliver the messages. */
  @Override
  public void poll(long nanos) {
    Uninterruptibles.get(() -> woken.tryAcquire(nanos, TimeUnit.NANOSECONDS));
    woken.drainPermits();
  }

  @Override
  public void wake() {
    woken.release();
  }

  @Override
  public Threads threads() {
    return Threads.ANY;
  }

  /** A group ends with the first lost member; its task begins again elsewhere, or fails. */
  @Override
  public FailureModel failures() {
    return FailureModel.WHOLE_JOB;
  }

  /** Does nothing: a group ends with the first lost member. */
  @Override
  public void onRankLost(RankLostListener listener) {}

  @Override
  public void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    throw new UnsupportedOperationException("A group has no direct messages");
  }

  @Override
  public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
    throw new UnsupportedOperationException("A group has no direct messages");
  }

  @Override
  public boolean ranksAreProcesses() {
    return true;
  }

  @Override
  public boolean launcherEndsRanks() {
    return false;
  }

  @Override
  public void finish(boolean alone) {
    end("The group has ended");
  }

  @Override
  public void abort(int exitCode) {
    throw new UnsupportedOperationException("A group cannot end the job");
  }
}
