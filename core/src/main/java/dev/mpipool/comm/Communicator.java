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
 * #allGather}, {@link #scatter}, {@link #reduce}, {@link #duplicate}, {@link #split}) must be made
 * by every rank of the group, in the same order. They are independent of messages, whatever the
 * tags.
 *
 * <p><b>Threads.</b> Any number of threads may send and receive at once, but collective calls must
 * be made one at a time. Waiting costs no CPU time. Interrupts have no effect, and the interrupt
 * status is kept. Programs that must also run on MPJ Express's own devices (niodev, smpdev and
 * hybdev) must call only from threads started by the rank's own threads, and must not interrupt a
 * thread in a call.
 *
 * <p><b>Errors.</b> An argument out of range causes an {@link IllegalArgumentException}, null a
 * {@link NullPointerException}. If a message cannot be sent or received, a {@link
 * CommunicatorException} is thrown, or a {@link RankLostException} if the other rank is known to be
 * lost. When a rank of the group is lost, a collective call throws a {@code RankLostException} on
 * every rank that still waits in it.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Communicator world = Communicator.world();                      // on every rank
 * double[] sum = world.allReduce(new double[] {world.rank()}, Double::sum);
 * if (world.rank() == 1) {
 *   world.send(0, 7, ByteBuffer.wrap(new byte[] {1, 2, 3}));
 * } else if (world.rank() == 0 && world.size() > 1) {
 *   Message message = world.receive(Communicator.ANY_SOURCE, 7);
 *   System.out.println(message.data().remaining() + " bytes from rank " + message.source());
 * }
 * }</pre>
 */
public interface Communicator extends AutoCloseable {

  /** As a source: any rank. */
  int ANY_SOURCE = -1;

  /** As a tag: any tag. */
  int ANY_TAG = -1;

  /**
   * The communicator of all ranks of this process's job; without a launcher, of this process alone.
   * The first call joins the other ranks and waits for them, unless {@link
   * dev.mpipool.MPIRuntime#init} has done so. A process that another launcher started as one of
   * several ranks, and that cannot join them, exits: see {@link dev.mpipool.MPIRuntime}.
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
   * Sends the remaining bytes of a buffer. The buffer may be reused after the return; its position
   * and limit do not change. An {@link OutOfMemoryError} means that nothing was sent.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag at least 0; the receiver can select messages by it
   * @param message may be empty; at most 2<sup>31</sup> - 1024 bytes
   */
  void send(int destination, int tag, ByteBuffer message);

  /**
   * Waits for a message. After an {@link OutOfMemoryError} the message can still be received.
   *
   * @param source a rank, or {@link #ANY_SOURCE}
   * @param tag a tag, or {@link #ANY_TAG}
   * @return the earliest message that matches
   * @throws MessageTooLongException if the message, which is then lost, does not fit into memory
   */
  Message receive(int source, int tag);

  /** Collective: returns when every rank has called it. */
  void barrier();

  /**
   * Collective: sends a value from one rank to all.
   *
   * @param value the value on the root; ignored elsewhere, where it may be null
   * @param root the rank that has the value
   * @return the root's value; on the root the same array
   */
  byte[] broadcast(byte[] value, int root);

  /**
   * Collective: sends a value from each rank to the root.
   *
   * @param value of this rank
   * @param root the rank that gets all values
   * @return on the root the values by rank, elsewhere an empty list
   */
  List<byte[]> gather(byte[] value, int root);

  /**
   * Collective: sends a value from each rank to all ranks.
   *
   * @param value of this rank
   * @return the values by rank
   */
  List<byte[]> allGather(byte[] value);

  /**
   * Collective: sends a different value from the root to each rank.
   *
   * @param values on the root one value for each rank; ignored elsewhere, where it may be null
   * @param root the rank that has the values
   * @return this rank's value
   */
  byte[] scatter(List<byte[]> values, int root);

  /**
   * Collective: combines the values of all ranks into one result, on the root.
   *
   * @param value of this rank
   * @param operator combines the values of two neighbouring groups of ranks, the lower ranks'
   *     first; must be associative, need not be commutative, and may modify and return its
   *     arguments
   * @param root the rank that gets the result
   * @return on the root the result, elsewhere null
   */
  byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root);

  /**
   * Collective: combines the values of all ranks into one result, on all ranks.
   *
   * @param value of this rank
   * @param operator as in {@link #reduce}
   * @return the result, bitwise identical on all ranks
   */
  default byte[] allReduce(byte[] value, BinaryOperator<byte[]> operator) {
    return broadcast(reduce(value, operator, 0), 0);
  }

  /**
   * Collective: combines the arrays of all ranks element by element, on all ranks.
   *
   * @param values of this rank, of the same length on all ranks; not modified
   * @param operator associative, for example {@code Double::sum}
   * @return the results, bitwise identical on all ranks
   */
  default double[] allReduce(double[] values, DoubleBinaryOperator operator) {
    return Numbers.doubles(allReduce(Numbers.bytes(values), Numbers.onDoubles(operator)));
  }

  /**
   * Collective: combines the arrays of all ranks element by element, on all ranks.
   *
   * @param values of this rank, of the same length on all ranks; not modified
   * @param operator associative, for example {@code Long::sum}
   * @return the results
   */
  default long[] allReduce(long[] values, LongBinaryOperator operator) {
    return Numbers.longs(allReduce(Numbers.bytes(values), Numbers.onLongs(operator)));
  }

  /**
   * Collective: creates a communicator of the same ranks, with messages separate from this one's.
   *
   * @return the new communicator, which the caller must close
   */
  Communicator duplicate();

  /**
   * Collective: divides the ranks into groups.
   *
   * @param color at least 0; ranks with the same color form a group
   * @param key orders the ranks within a group; ranks with equal keys keep their order
   * @return the communicator of this rank's group, which the caller must close
   */
  Communicator split(int color, int key);

  /**
   * Registers a listener for lost ranks of this communicator. The listener is called once for each
   * lost rank, including those lost before, possibly before this method returns. It must return
   * soon, since the thread that calls it serves all listeners.
   *
   * @param listener called for each lost rank
   */
  void onRankLost(RankLostListener listener);

  /**
   * The effect of the loss of a rank on the others.
   *
   * @return the same at every call; by default {@link FailureModel#WHOLE_JOB}
   */
  default FailureModel failureModel() {
    return FailureModel.WHOLE_JOB;
  }

  /**
   * Releases the resources of this communicator. Not collective; no thread may be inside a call.
   * Has no effect on the world communicator or a closed one. Afterwards all methods except queries
   * such as {@link #rank} throw an {@link IllegalStateException}.
   */
  @Override
  void close();
}
