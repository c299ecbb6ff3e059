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
 * The collective calls of a communicator, as messages between its ranks.
 *
 * <p>Correct even where a send returns only once its receiver waits: no two ranks ever wait for
 * each other to receive. Broadcast, reduce and barrier use a binomial tree, which takes about
 * log2(size) steps; in gather and scatter the root exchanges messages with each rank.
 *
 * <p>Immutable. Callers make one collective call at a time.
 */
final class Collectives {

  /** Tags of collective calls: less than any tag of a program, and than ANY_TAG. */
  private static final int FAN_IN = -2;

  private static final int BROADCAST = -3;
  private static final int GATHER = -4;
  private static final int SCATTER = -5;
  private static final int REDUCE = -7;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** The messages between the ranks, with the negative tags above. */
  interface Messages {

    /** Sends a message to another rank. */
    void send(int destination, int tag, ByteBuffer message);

    /** Waits for a message from another rank. */
    Message receive(int source, int tag);
  }

  private final int rank;
  private final int size;
  private final Members members;
  private final Messages messages;

  Collectives(int rank, Members members, Messages messages) {
    this.rank = rank;
    this.size = members.size();
    this.members = members;
    this.messages = messages;
  }

  void barrier() {
    int step = 1;
    for (; step < size && (rank & step) == 0; step <<= 1) {
      if (rank + step < size) {
        messages.receive(rank + step, FAN_IN);
      }
    }
    if (rank != 0) {
      messages.send(rank - step, FAN_IN, NOTHING);
    }
    broadcast(new byte[0], 0);
  }

  byte[] broadcast(byte[] value, int root) {
    members.check(root, "root");
    int relative = Math.floorMod(rank - root, size);
    byte[] result = value;
    int step = Integer.highestOneBit(Math.max(1, size - 1));
    if (relative != 0) {
      step = Integer.lowestOneBit(relative);
      result = bytes(messages.receive(absolute(relative - step, root), BROADCAST));
      step >>= 1;
    } else {
      Objects.requireNonNull(value, "value");
    }
    ByteBuffer message = ByteBuffer.wrap(result);
    for (; step > 0; step >>= 1) {
      if (relative + step < size) {
        messages.send(absolute(relative + step, root), BROADCAST, message);
      }
    }
    return result;
  }

  List<byte[]> gather(byte[] value, int root) {
    members.check(root, "root");
    Objects.requireNonNull(value, "value");
    if (rank != root) {
      messages.send(root, GATHER, ByteBuffer.wrap(value));
      return List.of();
    }
    List<byte[]> values = new ArrayList<>(Collections.nCopies(size, value));
    for (int source = 0; source < size; source++) {
      if (source != rank) {
        values.set(source, bytes(messages.receive(source, GATHER)));
      }
    }
    return values;
  }

  List<byte[]> allGather(byte[] value) {
    return unpack(broadcast(pack(gather(value, 0)), 0));
  }

  byte[] scatter(List<byte[]> values, int root) {
    members.check(root, "root");
    if (rank != root) {
      return bytes(messages.receive(root, SCATTER));
    }
    Validate.isTrue(
        values.size() == size, "There are %d values for %d ranks", values.size(), (long) size);
    values.forEach(Objects::requireNonNull);
    for (int destination = 0; destination < size; destination++) {
      if (destination != rank) {
        messages.send(destination, SCATTER, ByteBuffer.wrap(values.get(destination)));
      }
    }
    return values.get(rank);
  }

  /** Reduces along a binomial tree to rank 0, in rank order, and sends the result to the root. */
  byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
    members.check(root, "root");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(operator, "operator");
    byte[] result = value;
    int step = 1;
    for (; step < size && (rank & step) == 0; step <<= 1) {
      if (rank + step < size) {
        result = operator.apply(result, bytes(messages.receive(rank + step, REDUCE)));
      }
    }
    int destination = rank == 0 ? root : rank - step;
    if (destination != rank) {
      messages.send(destination, REDUCE, ByteBuffer.wrap(result));
    }
    if (rank != root) {
      return null;
    }
    return root == 0 ? result : bytes(messages.receive(0, REDUCE));
  }

  /** The first part of a split: the ranks of this rank's color, ordered by key, then by rank. */
  List<Integer> membersOfMyColor(int color, int key) {
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
