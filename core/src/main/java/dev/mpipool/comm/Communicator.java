package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;

/**
 * A fixed group of ranks, numbered from 0, that exchange messages among themselves.
 *
 * <p><b>Messages</b> are bytes with a tag. From one rank to another, messages arrive in the order
 * in which they were sent; a receive names a source and a tag, or accepts any. A send may return
 * before the message is received, or only when the receiver waits for it. A correct program works
 * with both: two ranks must not both send first and then both receive.
 *
 * <p><b>Collective</b> calls ({@link #barrier}, {@link #broadcast}, {@link #gather}, {@link
 * #allGather}, {@link #scatter}, {@link #reduce}, {@link #duplicate}, {@link #split}) are made by
 * every rank of the group, in the same order. They never mix with messages, whatever the tags.
 *
 * <p><b>Threads.</b> Any number of threads may send and receive at once; of collective calls, one
 * at a time. Waiting costs no CPU time. Interrupts are not noticed: the thread's interrupt status
 * stays as it is. Programs that are to run on MPJ Express's own devices, too (niodev, smpdev and
 * hybdev), call only from threads that the rank's own threads have started, and interrupt none of
 * them in a call.
 *
 * <p><b>Errors.</b> Arguments out of range are an {@link IllegalArgumentException}, null is a
 * {@link NullPointerException}. A message that cannot be sent or received is a {@link
 * CommunicatorException}, and if the other rank is known to be lost, a {@link RankLostException}. A
 * collective call throws that, too, on every rank that still waits in it when a rank of the group
 * is lost.
 */
public interface Communicator extends AutoCloseable {

  /** As a source: any rank. */
  int ANY_SOURCE = -1;

  /** As a tag: any tag. */
  int ANY_TAG = -1;

  /**
   * All ranks of the job that a launcher has started this process for, else just this process. The
   * first call joins the other ranks, unless {@link dev.mpipool.MPIRuntime#init} has done so, and
   * then waits for them. Ends a process that another launcher started as one of several ranks, and
   * that cannot join them: see {@link dev.mpipool.MPIRuntime}.
   *
   * @return the same communicator at every call
   * @throws IllegalStateException after {@link dev.mpipool.MPIRuntime#finish}
   */
  static Communicator world() {
    return Providers.world();
  }

  /**
   * The number of the calling rank.
   *
   * @return from 0 to {@code size() - 1}
   */
  int rank();

  /**
   * The number of ranks, lost ones included.
   *
   * @return at least 1
   */
  int size();

  /**
   * Sends the remaining bytes of a buffer. When this returns, the buffer may be used again; its
   * position and limit are as they were. An {@link OutOfMemoryError} means that nothing was sent.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag a number of at least 0 by which the receiver can pick
   * @param message what to send, possibly nothing; at most 2<sup>31</sup> - 1024 bytes
   */
  void send(int destination, int tag, ByteBuffer message);

  /**
   * Waits for a message. After an {@link OutOfMemoryError} it can still be received.
   *
   * @param source a rank, or {@link #ANY_SOURCE}
   * @param tag a tag, or {@link #ANY_TAG}
   * @return the earliest message that matches
   * @throws MessageTooLongException if it does not fit into memory; it is lost, but not the next
   */
  Message receive(int source, int tag);

  /** Collective: returns when every rank has called it. */
  void barrier();

  /**
   * Collective: gives a value of one rank to all.
   *
   * @param value the value on the root; not looked at elsewhere, may be null there
   * @param root the rank that has the value
   * @return the root's value; on the root the very array
   */
  byte[] broadcast(byte[] value, int root);

  /**
   * Collective: brings a value of each rank to one of them.
   *
   * @param value this rank's
   * @param root the rank that gets all
   * @return on the root the values by rank, elsewhere an empty list
   */
  List<byte[]> gather(byte[] value, int root);

  /**
   * Collective: brings a value of each rank to all of them.
   *
   * @param value this rank's
   * @return the values by rank
   */
  List<byte[]> allGather(byte[] value);

  /**
   * Collective: gives each rank a value of its own.
   *
   * @param values on the root one value for each rank; not looked at elsewhere, may be null there
   * @param root the rank that has the values
   * @return this rank's value
   */
  byte[] scatter(List<byte[]> values, int root);

  /**
   * Collective: combines the values of all ranks into one, for one of them.
   *
   * @param value this rank's
   * @param operator combines the values of two neighbouring groups of ranks, the lower ranks'
   *     first; must be associative, need not be commutative, and may change and return its
   *     arguments
   * @param root the rank that gets the result
   * @return on the root the result, elsewhere null
   */
  byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root);

  /**
   * Collective: combines the values of all ranks into one, for all of them.
   *
   * @param value this rank's
   * @param operator as in {@link #reduce}
   * @return the result, to the bit the same everywhere
   */
  default byte[] allReduce(byte[] value, BinaryOperator<byte[]> operator) {
    return broadcast(reduce(value, operator, 0), 0);
  }

  /**
   * Collective: combines arrays of all ranks element by element, for all of them.
   *
   * @param values this rank's, as many as every other's; not changed
   * @param operator associative, for example {@code Double::sum}
   * @return the results, to the bit the same everywhere
   */
  default double[] allReduce(double[] values, DoubleBinaryOperator operator) {
    return Numbers.doubles(allReduce(Numbers.bytes(values), Numbers.onDoubles(operator)));
  }

  /**
   * Collective: combines arrays of all ranks element by element, for all of them.
   *
   * @param values this rank's, as many as every other's; not changed
   * @param operator associative, for example {@code Long::sum}
   * @return the results
   */
  default long[] allReduce(long[] values, LongBinaryOperator operator) {
    return Numbers.longs(allReduce(Numbers.bytes(values), Numbers.onLongs(operator)));
  }

  /**
   * Collective: a communicator of the same ranks, whose messages never meet this one's.
   *
   * @return to be closed by its owner
   */
  Communicator duplicate();

  /**
   * Collective: divides the ranks into groups.
   *
   * @param color ranks that give the same number, at least 0, come into the same group
   * @param key decides the order of ranks within a group; among equals the old order decides
   * @return the group's communicator, to be closed by its owner
   */
  Communicator split(int color, int key);

  /**
   * Registers a listener for lost ranks of this communicator. It is also told of ranks that were
   * lost before, of each once, possibly before this call returns. The calling thread serves all
   * listeners, so the listener has to return soon.
   *
   * @param listener is told of each lost rank
   */
  void onRankLost(RankLostListener listener);

  /**
   * What the loss of a rank costs the others.
   *
   * @return the same at every call; unless a communicator says otherwise, the whole job
   */
  default FailureModel failureModel() {
    return FailureModel.WHOLE_JOB;
  }

  /**
   * Releases the resources of this communicator. Not collective; no thread may be inside a call.
   * Has no effect on the world and on a closed communicator. Afterwards all methods but those that
   * ask about the communicator itself, such as {@link #rank}, throw an {@link
   * IllegalStateException}.
   */
  @Override
  void close();
}
