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
 * Some ranks of another communicator, brought together without a collective call of the rest.
 * Messages travel as parts of others: {@link Links} sends them, and what receives them hands them
 * to {@link #deliver}.
 *
 * <pre>
 *   message: | context (long) | tag (int) | contents |
 * </pre>
 *
 * <p>{@link #end} frees all threads that wait, for good.
 */
public final class GroupTransport implements Transport {

  private static final int HEADER_BYTES = Long.BYTES + Integer.BYTES;

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
   * One rank's end of a new group.
   *
   * @param member the rank
   * @param members how many there are
   * @param links to the others
   * @return its end
   */
  public static GroupTransport create(int member, int members, Links links) {
    Objects.requireNonNull(links, "links");
    Validate.isTrue(member >= 0 && member < members, "Member %d of %d", member, (Object) members);
    return new GroupTransport(member, members, links);
  }

  /**
   * All members.
   *
   * @return always the same
   */
  public Communicator communicator() {
    return communicator;
  }

  /**
   * A message has come for this rank. May be called by any thread, never waits.
   *
   * @param sender the sender's number in the group
   * @param message what was given to its links
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
   * Nothing more will come: threads that wait in a call of this group, now or later, get an
   * exception.
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

  /** Messages are delivered by other threads, which wake this one. */
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

  /** The group's task is run again by others, or fails. */
  @Override
  public FailureModel failures() {
    return FailureModel.WHOLE_JOB;
  }

  /** Does nothing: a group ends with the first of its members that is lost. */
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
