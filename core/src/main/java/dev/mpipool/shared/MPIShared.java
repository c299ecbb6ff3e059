package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.io.UncheckedIOException;
import java.nio.Buffer;
import java.util.Objects;

/**
 * An array of numbers of which every node holds one copy, that all its ranks read as they read
 * their own memory.
 *
 * <pre>{@code
 * try (SharedDoubles table = MPIShared.doubles(Communicator.world(), 3, 5)) {
 *   double[][] block = {{1, 2}, {3, 4}};
 *   table.set(block, MPIShared.at(1, 2), 0);      // on every rank; rank 0's block goes to all nodes
 *   System.out.println(table.get(2, 3));          // 4.0, without a message
 * }
 * }</pre>
 *
 * <p><b>Shape.</b> Any number of dimensions, any number of elements that fits into the memory, in
 * row-major order: the last index runs fastest. All elements are zero at the start.
 *
 * <p><b>Memory.</b> Which ranks share a node is found out. The memory is a mapped file in {@code
 * /dev/shm}, or where that is missing or too small in the folder for temporary files; only its user
 * may open it. All room it needs is taken when it is made. It goes when the last rank of the node
 * has closed the array, or has died in whatever way.
 *
 * <p><b>Collective</b> are the factory methods and {@code set}: every rank of the communicator
 * calls them, in the same order. If ranks give arguments that do not fit together, or the block
 * does not fit, every rank gets an exception and nothing is changed. Reading and {@link #close} are
 * not collective.
 *
 * <p><b>Threads.</b> Any number may read at the same time; a reader that reads while a {@code set}
 * is under way may see old and new elements. After {@code set} has returned on any rank, every rank
 * reads the new ones. Collective calls come from one thread at a time, which must be allowed to
 * call the communicator, and must not be interrupted meanwhile.
 *
 * <p><b>Errors.</b> Arguments out of range are an {@link IllegalArgumentException} or an {@link
 * IndexOutOfBoundsException}, use after {@code close} is an {@link IllegalStateException}, no room
 * is an {@link UncheckedIOException}, a rank that dies is a {@link
 * dev.mpipool.comm.RankLostException} where the communicator survives that.
 *
 * @param <A> the Java array of the elements' type, such as {@code double[]}
 * @param <B> the buffer of the elements' type, such as {@code DoubleBuffer}
 */
public abstract sealed class MPIShared<A, B extends Buffer> implements AutoCloseable
    permits SharedDoubles,
        SharedFloats,
        SharedLongs,
        SharedInts,
        SharedShorts,
        SharedChars,
        SharedBytes {

  private final Replica<A, B> replica;

  /** The first two extents, for fast reading. */
  private final long rows;

  private final long columns;

  private final int shift;
  private final int mask;

  /** The segments; null when closed. */
  private Buffer[] parts;

  MPIShared(Communicator communicator, ElementType<A, B> type, long[] shape) {
    replica = Replica.create(communicator, type, Objects.requireNonNull(shape, "shape"));
    rows = shape[0];
    columns = shape.length > 1 ? shape[1] : 1;
    shift = replica.shift;
    mask = (1 << shift) - 1;
    parts = replica.readable().toArray(Buffer[]::new);
  }

  /**
   * Makes an array of doubles. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedDoubles doubles(Communicator communicator, long... shape) {
    return new SharedDoubles(communicator, shape);
  }

  /**
   * Makes an array of floats. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedFloats floats(Communicator communicator, long... shape) {
    return new SharedFloats(communicator, shape);
  }

  /**
   * Makes an array of longs. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedLongs longs(Communicator communicator, long... shape) {
    return new SharedLongs(communicator, shape);
  }

  /**
   * Makes an array of ints. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedInts ints(Communicator communicator, long... shape) {
    return new SharedInts(communicator, shape);
  }

  /**
   * Makes an array of shorts. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedShorts shorts(Communicator communicator, long... shape) {
    return new SharedShorts(communicator, shape);
  }

  /**
   * Makes an array of chars. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedChars chars(Communicator communicator, long... shape) {
    return new SharedChars(communicator, shape);
  }

  /**
   * Makes an array of bytes. Collective. It also serves for truth values, as 0 and 1.
   *
   * @param communicator its ranks, or null for this process alone
   * @param shape the extent of each dimension, at least 1; the same on every rank
   * @return to be closed by every rank
   */
  public static SharedBytes bytes(Communicator communicator, long... shape) {
    return new SharedBytes(communicator, shape);
  }

  /**
   * A position or a shape, written down shortly.
   *
   * @param indices one for each dimension
   * @return the very array
   */
  public static long[] at(long... indices) {
    return indices;
  }

  /**
   * Copies a block of one rank into the array, on every node. Collective; only {@code fromRank}
   * looks at the first two arguments. The block travels once to each other node.
   *
   * @param values nested arrays with as many dimensions as this, such as {@code double[][]}, all
   *     rows of the same length; the block has their shape
   * @param offset where the block's first element goes, or null for the array's first
   * @param fromRank the rank that brings the block; the same on every rank
   */
  public final void set(Object values, long[] offset, int fromRank) {
    open()
        .bring(
            Replica.NAMED,
            fromRank,
            () -> Block.nested(values, offset, replica.shape, replica.type.arrays()));
  }

  /**
   * Copies a block of whichever rank brings one into the array, on every node. Collective; exactly
   * one rank has values.
   *
   * @param values as above, or null on the ranks that bring nothing
   * @param offset as above; looked at on the rank that has values
   */
  public final void set(Object values, long[] offset) {
    open()
        .bring(
            Replica.FOUND,
            -1,
            () ->
                values == null
                    ? null
                    : Block.nested(values, offset, replica.shape, replica.type.arrays()));
  }

  /**
   * Copies a block of one rank into the array, on every node, from a flat Java array. Collective;
   * only {@code fromRank} looks at the first three arguments.
   *
   * @param values the block's elements in row-major order, no more and no fewer
   * @param blockShape the block's extents
   * @param offset where the block's first element goes, or null for the array's first
   * @param fromRank the rank that brings the block; the same on every rank
   */
  public final void set(A values, long[] blockShape, long[] offset, int fromRank) {
    open()
        .bring(
            Replica.NAMED, fromRank, () -> Block.flat(values, blockShape, offset, replica.shape));
  }

  /**
   * Copies a block of the array into a Java array.
   *
   * @param offset the block's first element
   * @param blockShape its extents; at most 2<sup>31</sup> - 9 elements
   * @return a new array with the elements in row-major order
   */
  public final A block(long[] offset, long... blockShape) {
    return open().block(offset, new Shape(blockShape));
  }

  /**
   * A view of the whole array, read-only: its {@code get} is a plain memory read. It must not be
   * used after {@link #close}; then reading it may be an {@link InternalError}.
   *
   * @return its element i is the array's i-th in row-major order
   * @throws IllegalStateException if the array is larger than a buffer can be, 2 GB
   */
  public final B view() {
    if (count() * replica.type.width() > Integer.MAX_VALUE) {
      throw new IllegalStateException(
          "A buffer has at most 2 GB, and this array more: take view(from, length)");
    }
    return view(0, (int) count());
  }

  /**
   * A view of a stretch of the array, read-only, with the same conditions.
   *
   * @param from its first element, counted in row-major order
   * @param length how many elements, of together at most 2<sup>31</sup> - 1 bytes
   * @return its element 0 is the array's at {@code from}
   */
  public final B view(long from, int length) {
    return open().view(from, length);
  }

  /**
   * The extents.
   *
   * @return one for each dimension
   */
  public final long[] shape() {
    return replica.shape.extents().clone();
  }

  /**
   * How many elements there are.
   *
   * @return the product of the extents
   */
  public final long count() {
    return replica.shape.count();
  }

  /**
   * The ranks of this node, in the order of the communicator. Its use does not disturb the array.
   *
   * @return closed with the array
   */
  public final Communicator nodeCommunicator() {
    return replica.node;
  }

  /**
   * One rank of each node: those with this rank's number in their nodes. So the ranks for which
   * {@code nodeCommunicator().rank()} is 0 have one with one rank of every node.
   *
   * @return closed with the array
   */
  public final Communicator acrossNodesCommunicator() {
    return replica.acrossNodes;
  }

  /**
   * How many nodes there are, and copies of the array.
   *
   * @return at least 1
   */
  public final int nodeCount() {
    return replica.nodes.count();
  }

  /**
   * Gives this rank's part of the array back. Not collective; does nothing when closed already. The
   * memory of a node goes when its last rank has closed the array.
   */
  @Override
  public final void close() {
    if (parts != null) {
      parts = null;
      replica.close();
    }
  }

  /**
   * A summary: type, shape, ranks and nodes, and the first and last elements.
   *
   * @return one line
   */
  @Override
  public final String toString() {
    return parts == null
        ? head() + ", closed"
        : head() + ": " + new ArrayText(this::text, replica.shape).few();
  }

  /**
   * The summary, and all elements.
   *
   * @return a line, and one for each row (the elements along the last dimension)
   */
  public final String toStringFull() {
    open();
    return head() + "\n" + new ArrayText(this::text, replica.shape).all();
  }

  /** The buffer with an element. */
  @SuppressWarnings("unchecked")
  final B part(long index) {
    Buffer[] open = parts;
    if (open == null) {
      throw closed();
    }
    return (B) open[(int) (index >> shift)];
  }

  /** Where an element is in its buffer. */
  final int within(long index) {
    return (int) (index & mask);
  }

  final long index(long i) {
    if (replica.shape.dimensions() != 1) {
      return open().shape.index(i);
    }
    return Objects.checkIndex(i, rows);
  }

  final long index(long i, long j) {
    if (replica.shape.dimensions() != 2) {
      return open().shape.index(new long[] {i, j});
    }
    return Objects.checkIndex(i, rows) * columns + Objects.checkIndex(j, columns);
  }

  final long index(long... indices) {
    return open().shape.index(indices);
  }

  private String head() {
    return "MPIShared %s%s, %d ranks on %d nodes"
        .formatted(replica.type.name(), replica.shape, replica.own.size(), replica.nodes.count());
  }

  private String text(long index) {
    return replica.type.text().of(part(index), within(index));
  }

  private Replica<A, B> open() {
    if (parts == null) {
      throw closed();
    }
    return replica;
  }

  private static IllegalStateException closed() {
    return new IllegalStateException("The array is closed");
  }
}
