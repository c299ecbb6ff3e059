package dev.mpipool.transport;

import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.RankLostListener;
import java.nio.ByteBuffer;

/**
 * One rank's end of what moves messages between the ranks of a job. There is one for each rank,
 * whatever the number of communicators: a message carries the number of its <i>context</i>, which
 * stands for the communicator, and a tag. A transport looks at neither.
 *
 * <p><b>Order.</b> From one rank to another, messages arrive in the order in which they were sent,
 * those of {@link #sendDirect} among themselves.
 *
 * <p><b>Threads.</b> Any number of threads may send; {@link #poll} is called by one at a time.
 * {@link #threads} says which threads these may be. Interrupts are not noticed: the thread's
 * interrupt status stays as it is. Waiting costs no CPU time worth mentioning.
 *
 * <p><b>Errors.</b> An operation on a rank that is known to be lost throws a {@link
 * dev.mpipool.comm.RankLostException}, any other failure a {@link
 * dev.mpipool.comm.CommunicatorException}. An {@link OutOfMemoryError} means that nothing was sent,
 * or that what has arrived is delivered by the next {@code poll}.
 */
public interface Transport {

  /** Which threads may call. */
  enum Threads {
    /** Any, and they may be interrupted. */
    ANY,

    /** Those that the rank's own threads started; none of them may be interrupted in a call. */
    OWN_ONLY
  }

  /**
   * The number of this rank.
   *
   * @return from 0 to {@code size() - 1}
   */
  int rank();

  /**
   * How many ranks the job was started with.
   *
   * @return at least 1
   */
  int size();

  /**
   * Sets what gets the messages. Called once, before any other method but {@link #rank} and {@link
   * #size}; messages that other ranks sent before are kept until then.
   *
   * @param receiver gets every message of every context
   */
  void start(Receiver receiver);

  /**
   * Sends a message. When this returns, the buffers may be used again; their positions and limits
   * are as they were. It may return before the message is received. It may also wait until the
   * receiver polls, but never longer than until then, and never for another send of this rank to
   * another destination.
   *
   * @param destination another rank
   * @param context any number, which the receiver gets
   * @param tag any number, which the receiver gets
   * @param data what to send, possibly nothing
   * @param attachment the end of the message, possibly nothing: where {@link #keepsAttachments}, it
   *     arrives in an array of its own, and is not copied together with the data. Both together
   *     have at most 2<sup>31</sup> - 1024 bytes
   */
  void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment);

  /**
   * Waits for messages, of any source and context, and hands them to the receiver. Returns when at
   * least one has been handed over, soon after a {@link #wake}, or when the time is up; it may also
   * return early for no reason.
   *
   * @param nanos how long to wait at most; 0 to take only what is there
   */
  void poll(long nanos);

  /**
   * Makes the present {@link #poll}, or if there is none the next one, return soon. Does not throw,
   * whatever memory there is.
   */
  void wake();

  /**
   * Which threads may call.
   *
   * @return the same at every call
   */
  Threads threads();

  /**
   * What the loss of a rank costs.
   *
   * @return the same at every call
   */
  FailureModel failures();

  /**
   * Registers a listener for lost ranks. It also hears of those lost before, each once, possibly
   * before this call returns.
   *
   * @param listener hears of each lost rank, with the number of {@link #rank}
   */
  void onRankLost(RankLostListener listener);

  /**
   * When a part of a message last came from another rank, or was last taken by it.
   *
   * @param rank the other
   * @return by {@link System#nanoTime}; 0 if that is not known
   */
  default long lastProgress(int rank) {
    return 0;
  }

  /**
   * Whether {@link #send} needs no memory for a copy of an attachment, however long it is.
   *
   * @return false if it copies
   */
  default boolean keepsAttachments() {
    return false;
  }

  /**
   * Whether {@link #sendDirect} and {@link #receiveDirect} move long messages from any memory to
   * any memory, mapped files included, without an array in between.
   *
   * @return false if buffers with an array, and messages that fit into a processor's cache, are
   *     best
   */
  default boolean isDirect() {
    return false;
  }

  /**
   * Sends a message to a rank that knows how long it can be: what {@link #receiveDirect} takes, and
   * nothing else does. May return only when the receiver waits for it. Called only where {@link
   * #isDirect}.
   *
   * @param destination another rank
   * @param context any number of at least 0; the receiver names the same
   * @param tag a number of at least 0; the receiver names the same
   * @param message what to send, possibly nothing; its position and limit stay
   */
  void sendDirect(int destination, long context, int tag, ByteBuffer message);

  /**
   * Waits for the next message that another rank sends by {@link #sendDirect}. Does not need a
   * thread that polls. Called only where {@link #isDirect}.
   *
   * @param source another rank
   * @param context as the sender names it
   * @param tag as the sender names it
   * @param place where the message goes, from its position on, which stays; with at least as much
   *     room as the message has bytes
   * @return the bytes that have come
   */
  int receiveDirect(int source, long context, int tag, ByteBuffer place);

  /**
   * A context is used no more by this rank: what is kept for it can be dropped.
   *
   * @param context a number that no message will name again
   */
  default void forget(long context) {}

  /**
   * Whether the ranks are processes.
   *
   * @return false where they are threads of one JVM
   */
  boolean ranksAreProcesses();

  /**
   * Whether the end of this rank's process, by whatever means and with whatever exit code, makes
   * the launcher end all other ranks.
   *
   * @return false if others may wait for this rank for ever
   */
  boolean launcherEndsRanks();

  /**
   * Tells the other ranks that this one is about to call {@link #finish}; does nothing if {@link
   * #finish} tells them. Does not wait for them, and does not throw.
   */
  default void leaving() {}

  /** A wait for a message fails because a rank leaves. Must not call the receiver. */
  default void failedForLeaver() {}

  /**
   * Ends this rank's part in the job in an orderly way. Collective among the living: may wait for
   * them, but not for ever. Until all of them have called it, other threads of this rank can go on
   * sending and receiving, and so serve the others; then their calls end with an exception.
   *
   * @param alone true if other ranks may never call this; then it does not wait for them, and calls
   *     of other threads may end at once
   */
  void finish(boolean alone);

  /**
   * Ends this process at once, and with it the job, where the launcher ends the other ranks. Does
   * not return.
   *
   * @param exitCode of the job, where the launcher has a say in it
   */
  default void abort(int exitCode) {
    Runtime.getRuntime().halt(exitCode);
  }
}
