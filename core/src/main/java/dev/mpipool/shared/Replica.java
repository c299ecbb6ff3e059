package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel.MapMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;

/**
 * The copy of an array on this node, as elements of a type, and the way by which blocks reach the
 * copies of all nodes. What is behind {@link MPIShared}.
 */
final class Replica<A, B extends Buffer> {

  /** Forms of the call: the rank that brings the block is named, or is to be found out. */
  static final byte NAMED = 0;

  static final byte FOUND = 1;

  final ElementType<A, B> type;
  final Shape shape;
  final Communicator own;
  final Nodes nodes;
  final Communicator node;
  final Communicator acrossNodes;

  /** log2 of the elements in a segment. */
  final int shift;

  private final NodeMemory memory;
  private final List<B> writable = new ArrayList<>();
  private final List<B> readable = new ArrayList<>();

  private Replica(ElementType<A, B> type, Shape shape, Communicator own, Nodes nodes) {
    this.type = type;
    this.shape = shape;
    this.own = own;
    this.nodes = nodes;
    memory = NodeMemory.create(own, nodes, shape.count() * type.width());
    node = own.split(nodes.leader(own.rank()), own.rank());
    acrossNodes = own.split(node.rank(), own.rank());
    shift = memory.segmentBits() - Integer.numberOfTrailingZeros(type.width());
    for (ByteBuffer segment : memory.segments()) {
      writable.add(type.view().apply(segment));
      readable.add(readOnly(segment));
    }
  }

  /** Collective. */
  static <A, B extends Buffer> Replica<A, B> create(
      Communicator communicator, ElementType<A, B> type, long[] shape) {
    Communicator own = Agreement.orAlone(communicator).duplicate();
    try {
      Agreement.onSame(
          own, () -> type.name() + new Shape(shape) + " (" + ByteOrder.nativeOrder() + ")");
      return new Replica<>(type, new Shape(shape), own, Nodes.find(own));
    } catch (RuntimeException | Error e) {
      own.close();
      throw e;
    }
  }

  /** The segments, to be read. */
  List<B> readable() {
    return List.copyOf(readable);
  }

  /** Collective: the block of one rank comes into every node's copy. */
  void bring(byte form, int fromRank, Callable<Block> mine) {
    Block[] block = new Block[1];
    List<ByteBuffer> told =
        Agreement.exchange(
            own,
            () -> {
              if (form == NAMED && (fromRank < 0 || fromRank >= own.size())) {
                throw new IllegalArgumentException(
                    "No rank %d among %d ranks".formatted(fromRank, own.size()));
              }
              if (form == FOUND || fromRank == own.rank()) {
                block[0] = mine.call();
              }
              return Block.encode(form, fromRank, block[0]);
            });
    int source = Block.source(told);
    Block agreed = block[0] != null ? block[0] : Block.decode(told.get(source));
    Runs runs = new Runs(shape, agreed.offset(), agreed.shape(), true);
    Replication replication = new Replication(own, nodes, source, memory, runs, type.width());
    Agreement.complete(
        own,
        () -> {
          if (source == own.rank()) {
            replication.send((from, elements) -> write(agreed, runs, from, elements));
          } else {
            replication.receive();
          }
        });
  }

  A block(long[] offset, Shape block) {
    shape.check(offset, block);
    A result = type.allocate().apply(Math.toIntExact(block.count()));
    try {
      new Runs(shape, offset, block, true)
          .forEach(
              0,
              block.count(),
              (inArray, inBlock, length) ->
                  split(
                      inArray,
                      length,
                      (part, at, done, n) ->
                          type.get()
                              .copy(readable.get(part), at, result, (int) (inBlock + done), n)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result;
  }

  B view(long from, int length) {
    Objects.checkFromIndexSize(from, (long) length, shape.count());
    int first = (int) Math.min(from >> shift, readable.size() - 1L);
    int within = (int) (from - ((long) first << shift));
    if (length <= readable.get(first).capacity() - within) {
      @SuppressWarnings("unchecked")
      B slice = (B) readable.get(first).slice(within, length);
      return slice;
    }
    long bytes = (long) length * type.width();
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "A view has at most 2^31 - 1 bytes, but %d elements have %d".formatted(length, bytes));
    }
    try {
      return readOnly(memory.map(from * type.width(), bytes, MapMode.READ_ONLY));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void close() {
    try {
      memory.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      node.close();
      acrossNodes.close();
      own.close();
    }
  }

  /** Brings elements of a block, counted from its first, into this node's copy. */
  private void write(Block block, Runs runs, long from, long elements) throws IOException {
    if (!block.nested()) {
      A values = type.arrays().cast(block.values());
      runs.forEach(
          from,
          elements,
          (inArray, inStretch, length) -> put(values, from + inStretch, inArray, length));
      return;
    }
    Runs rows = new Runs(shape, block.offset(), block.shape(), false);
    rows.forEach(
        from,
        elements,
        (inArray, inStretch, length) -> {
          long at = from + inStretch;
          A row = type.arrays().cast(block.row(at / rows.length()));
          put(row, at % rows.length(), inArray, length);
        });
  }

  private void put(A values, long start, long inArray, long length) {
    split(
        inArray,
        length,
        (part, at, done, n) ->
            type.put().copy(writable.get(part), at, values, (int) (start + done), n));
  }

  /** Splits elements that lie together in the array at the borders of segments. */
  private void split(long inArray, long length, Stretch stretch) {
    long done = 0;
    while (done < length) {
      long index = inArray + done;
      int part = (int) (index >> shift);
      int within = (int) (index - ((long) part << shift));
      int n = (int) Math.min(length - done, writable.get(part).capacity() - within);
      stretch.copy(part, within, done, n);
      done += n;
    }
  }

  private B readOnly(ByteBuffer bytes) {
    return type.view().apply(bytes.asReadOnlyBuffer().order(ByteOrder.nativeOrder()));
  }

  /** Copies so many elements of a segment, of which so many of the whole are done already. */
  @FunctionalInterface
  private interface Stretch {
    void copy(int part, int at, long done, int length);
  }
}
