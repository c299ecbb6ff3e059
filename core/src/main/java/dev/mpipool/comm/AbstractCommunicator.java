package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BinaryOperator;
import java.util.stream.IntStream;
import org.apache.commons.lang3.Validate;

/**
 * Argument checks, and the collective calls over messages.
 *
 * <p>The collectives are right even where a send only returns once its receiver waits: in each of
 * them every rank first receives what it has to and then sends, along a tree. Broadcast and the way
 * up of a barrier use a binomial tree, so both take log2(size) steps.
 */
abstract class AbstractCommunicator implements Communicator, MessageChannel {

  /** Tags of the collectives: below every tag that a program may use, and below ANY_TAG. */
  private static final int FAN_IN = -2;

  private static final int BROADCAST = -3;
  private static final int GATHER = -4;
  private static final int SCATTER = -5;
  private static final int REDUCE = -7;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final int rank;
  private final int size;
  private volatile boolean closed;

  AbstractCommunicator(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  /** Sends to a rank that exists, with any tag. */
  abstract void transmit(int destination, int tag, ByteBuffer message);

  /** Sends two parts to a rank that exists; what is long is to arrive as the message's tail. */
  void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    transmit(destination, tag, joined(beginning, tail));
  }

  /** A copy of two parts as one. */
  static ByteBuffer joined(ByteBuffer beginning, ByteBuffer tail) {
    int length = Math.addExact(beginning.remaining(), tail.remaining());
    return ByteBuffer.allocate(length).put(beginning.duplicate()).put(tail.duplicate()).flip();
  }

  /** A copy of what remains of a buffer. */
  static byte[] copy(ByteBuffer of) {
    if (of.hasArray()) { // then the copy is not cleared first
      int start = of.arrayOffset() + of.position();
      return Arrays.copyOfRange(of.array(), start, start + of.remaining());
    }
    byte[] copy = new byte[of.remaining()];
    of.get(of.position(), copy);
    return copy;
  }

  /** Takes a message; a negative tag other than ANY_TAG is a collective's. */
  abstract Message take(int source, int tag);

  @Override
  public final int rank() {
    return rank;
  }

  @Override
  public final int size() {
    return size;
  }

  /** Nothing but questions about this communicator is answered from now on. */
  final void markClosed() {
    closed = true;
  }

  final boolean isClosed() {
    return closed;
  }

  final void checkNotClosed() {
    if (closed) {
      throw new IllegalStateException("The communicator is closed");
    }
  }

  @Override
  public final void send(int destination, int tag, ByteBuffer message) {
    checkSend(destination, tag);
    Objects.requireNonNull(message, "message");
    transmit(destination, tag, message);
  }

  @Override
  public final void sendParts(int destination, int tag, List<ByteBuffer> parts) {
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
    checkRank(destination, "destination");
    Validate.isTrue(tag >= 0, "A tag is at least 0, but this one is %d", tag);
  }

  @Override
  public final Message receive(int source, int tag) {
    checkNotClosed();
    if (source != ANY_SOURCE) {
      checkRank(source, "source");
    }
    Validate.isTrue(tag >= ANY_TAG, "A tag is at least 0 or ANY_TAG, but this one is %d", tag);
    return take(source, tag);
  }

  @Override
  public final void barrier() {
    checkNotClosed();
    int step = 1;
    for (; step < size && (rank & step) == 0; step <<= 1) {
      if (rank + step < size) {
        take(rank + step, FAN_IN);
      }
    }
    if (rank != 0) {
      transmit(rank - step, FAN_IN, NOTHING);
    }
    broadcast(new byte[0], 0);
  }

  @Override
  public final byte[] broadcast(byte[] value, int root) {
    checkNotClosed();
    checkRank(root, "root");
    int relative = Math.floorMod(rank - root, size);
    byte[] result = value;
    int step = Integer.highestOneBit(Math.max(1, size - 1));
    if (relative != 0) {
      step = Integer.lowestOneBit(relative);
      result = bytes(take(absolute(relative - step, root), BROADCAST));
      step >>= 1;
    } else {
      Objects.requireNonNull(value, "value");
    }
    ByteBuffer message = ByteBuffer.wrap(result);
    for (; step > 0; step >>= 1) {
      if (relative + step < size) {
        transmit(absolute(relative + step, root), BROADCAST, message);
      }
    }
    return result;
  }

  @Override
  public final List<byte[]> gather(byte[] value, int root) {
    checkNotClosed();
    checkRank(root, "root");
    Objects.requireNonNull(value, "value");
    if (rank != root) {
      transmit(root, GATHER, ByteBuffer.wrap(value));
      return List.of();
    }
    List<byte[]> values = new ArrayList<>(Collections.nCopies(size, value));
    for (int source = 0; source < size; source++) {
      if (source != rank) {
        values.set(source, bytes(take(source, GATHER)));
      }
    }
    return values;
  }

  @Override
  public final List<byte[]> allGather(byte[] value) {
    return unpack(broadcast(pack(gather(value, 0)), 0));
  }

  @Override
  public final byte[] scatter(List<byte[]> values, int root) {
    checkNotClosed();
    checkRank(root, "root");
    if (rank != root) {
      return bytes(take(root, SCATTER));
    }
    Validate.isTrue(
        values.size() == size, "There are %d values for %d ranks", values.size(), (long) size);
    values.forEach(Objects::requireNonNull);
    for (int destination = 0; destination < size; destination++) {
      if (destination != rank) {
        transmit(destination, SCATTER, ByteBuffer.wrap(values.get(destination)));
      }
    }
    return values.get(rank);
  }

  /** Up a binomial tree to rank 0, in the order of ranks, and from there to the root. */
  @Override
  public final byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
    checkNotClosed();
    checkRank(root, "root");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(operator, "operator");
    byte[] result = value;
    int step = 1;
    for (; step < size && (rank & step) == 0; step <<= 1) {
      if (rank + step < size) {
        result = operator.apply(result, bytes(take(rank + step, REDUCE)));
      }
    }
    int destination = rank == 0 ? root : rank - step;
    if (destination != rank) {
      transmit(destination, REDUCE, ByteBuffer.wrap(result));
    }
    if (rank != root) {
      return null;
    }
    return root == 0 ? result : bytes(take(0, REDUCE));
  }

  /** What a split begins with: the ranks of this rank's color, ordered by key, then by rank. */
  final List<Integer> membersOfMyColor(int color, int key) {
    checkNotClosed();
    Validate.isTrue(color >= 0, "A color is at least 0, but this one is %d", color);
    List<ByteBuffer> all =
        allGather(ByteBuffer.allocate(2 * Integer.BYTES).putInt(color).putInt(key).array()).stream()
            .map(ByteBuffer::wrap)
            .toList();
    return IntStream.range(0, size)
        .filter(other -> all.get(other).getInt(0) == color)
        .boxed()
        .sorted(Comparator.comparingInt(other -> all.get(other).getInt(Integer.BYTES)))
        .toList();
  }

  private int absolute(int relative, int root) {
    return (relative + root) % size;
  }

  final void checkOther(int other, int tag) {
    checkNotClosed();
    checkRank(other, "rank");
    Validate.isTrue(other != rank, "Rank %d is this rank itself", other);
    Validate.isTrue(tag >= 0, "A tag is at least 0, but this one is %d", tag);
  }

  private void checkRank(int number, String what) {
    Validate.isTrue(
        number >= 0 && number < size, "No %s %d among %d ranks", what, number, (Object) size);
  }

  private static byte[] bytes(Message message) {
    ByteBuffer data = message.data();
    if (data.hasArray() && data.arrayOffset() == 0 && data.remaining() == data.array().length) {
      return data.array();
    }
    byte[] bytes = new byte[data.remaining()];
    data.get(bytes);
    return bytes;
  }

  private static byte[] pack(List<byte[]> values) {
    ByteBuffer packed =
        ByteBuffer.allocate(values.stream().mapToInt(v -> v.length + Integer.BYTES).sum());
    values.forEach(value -> packed.putInt(value.length).put(value));
    return packed.array();
  }

  private static List<byte[]> unpack(byte[] packed) {
    List<byte[]> values = new ArrayList<>();
    for (ByteBuffer rest = ByteBuffer.wrap(packed); rest.hasRemaining(); ) {
      int length = rest.getInt();
      values.add(Arrays.copyOfRange(packed, rest.position(), rest.position() + length));
      rest.position(rest.position() + length);
    }
    return values;
  }
}
