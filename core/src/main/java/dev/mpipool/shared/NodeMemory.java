package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Bytes that all ranks of a node have in memory once: a mapped file, in segments that a buffer can
 * cover.
 *
 * <pre>
 *   | mark (36) | 0 ... up to 64 | a bit for each rank of the node that has it open, in longs |
 *   | 0 ... up to a page | the bytes ... |
 * </pre>
 *
 * <p>The room is taken when the memory is made, by writing zeros: what is mapped but has no room
 * would kill its user later. The last rank to close it, of those that are not lost, truncates the
 * file, so the room is free at once though Java unmaps buffers only when it collects them.
 */
final class NodeMemory implements Closeable {

  /** Segments are of 2^this bytes; a test takes smaller ones. */
  private static final String SEGMENT_BITS = "mpipool.shared.segmentBits";

  private static final int OPEN_AT = 64;
  private static final VarHandle LONG =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private final SharedFile file;
  private final ByteBuffer header;
  private final ByteBuffer[] segments;
  private final int segmentBits = Integer.getInteger(SEGMENT_BITS, 30);

  /** Which rank of the node this is, and which others are lost. */
  private int number;

  private final BitSet lost = new BitSet();
  private boolean closed;

  private NodeMemory(SharedFile file, long bytes) throws IOException {
    this.file = file;
    FileChannel channel = file.channel();
    header = channel.map(MapMode.READ_WRITE, 0, SharedFile.HEADER_BYTES);
    segments = new ByteBuffer[Math.toIntExact(((bytes - 1) >> segmentBits) + 1)];
    for (int i = 0; i < segments.length; i++) {
      long start = (long) i << segmentBits;
      long length = Math.min(1L << segmentBits, bytes - start);
      segments[i] = map(start, length, MapMode.READ_WRITE);
    }
  }

  /** Collective: makes the memory of each node, filled with zeros. */
  static NodeMemory create(Communicator communicator, Nodes nodes, long bytes) {
    int rank = communicator.rank();
    int leader = nodes.leader(rank);
    SharedFile[] file = new SharedFile[1];
    NodeMemory[] memory = new NodeMemory[1];
    boolean complete = false;
    try {
      List<ByteBuffer> addresses =
          Agreement.exchange(
              communicator,
              () -> {
                if (rank != leader) {
                  return new byte[0];
                }
                long all = bytes + SharedFile.HEADER_BYTES;
                file[0] = SharedFile.create(Nodes.folder(all), nodes.named(rank));
                write(file[0].channel(), 1, all - 1);
                return file[0].address().getBytes(UTF_8);
              });
      Agreement.complete(
          communicator,
          () -> {
            if (rank == leader) {
              reserve(file[0].channel(), bytes);
              memory[0] = new NodeMemory(file[0], bytes);
              memory[0].openFor(nodes.size(rank));
            } else {
              file[0] = open(UTF_8.decode(addresses.get(leader)).toString());
              memory[0] = new NodeMemory(file[0], bytes);
            }
          });
      file[0].unlink();
      memory[0].watch(communicator, nodes);
      complete = true;
      return memory[0];
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } finally {
      if (!complete && file[0] != null) {
        closeQuietly(file[0]);
      }
    }
  }

  int segmentBits() {
    return segmentBits;
  }

  ByteBuffer[] segments() {
    return segments.clone();
  }

  /** A part of the bytes of its own, wherever segments begin; unmapped when it is collected. */
  ByteBuffer map(long start, long bytes, MapMode mode) throws IOException {
    return file.channel()
        .map(mode, SharedFile.HEADER_BYTES + start, bytes)
        .order(ByteOrder.nativeOrder());
  }

  /** The very memory of some bytes; null if they are not all in the same segment. */
  ByteBuffer slice(long start, int length) {
    ByteBuffer segment = segments[(int) (start >> segmentBits)];
    int within = (int) (start & ((1 << segmentBits) - 1));
    return length <= segment.capacity() - within ? segment.slice(within, length) : null;
  }

  void read(long start, byte[] to, int at, int length) {
    copy(start, length, (segment, from, done, n) -> segment.get(from, to, at + done, n));
  }

  void write(long start, byte[] from, int at, int length) {
    copy(start, length, (segment, to, done, n) -> segment.put(to, from, at + done, n));
  }

  private void copy(long start, int length, Part part) {
    int mask = (1 << segmentBits) - 1;
    int done = 0;
    while (done < length) {
      long position = start + done;
      ByteBuffer segment = segments[(int) (position >> segmentBits)];
      int within = (int) (position & mask);
      int n = Math.min(length - done, segment.capacity() - within);
      part.copy(segment, within, done, n);
      done += n;
    }
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    if (isLast()) {
      file.channel().truncate(SharedFile.HEADER_BYTES);
    }
    file.close();
  }

  private void openFor(int ranks) {
    BitSet all = new BitSet();
    all.set(0, ranks);
    long[] words = all.toLongArray();
    for (int i = 0; i < words.length; i++) {
      LONG.setVolatile(header, OPEN_AT + i * Long.BYTES, words[i]);
    }
  }

  /** Finds this rank's number on its node, and hears of the others that are lost. */
  private void watch(Communicator communicator, Nodes nodes) {
    int leader = nodes.leader(communicator.rank());
    int[] ranks =
        IntStream.range(0, communicator.size()).filter(i -> nodes.leader(i) == leader).toArray();
    number = Arrays.binarySearch(ranks, communicator.rank());
    communicator.onRankLost(
        (rank, reason) -> {
          int of = Arrays.binarySearch(ranks, rank);
          synchronized (lost) {
            if (of >= 0) {
              lost.set(of);
            }
          }
        });
  }

  /** Closes it on this rank; returns whether no living rank has it open now. */
  private boolean isLast() {
    LONG.getAndBitwiseAnd(header, OPEN_AT + number / Long.SIZE * Long.BYTES, ~(1L << number));
    long[] words = new long[(SharedFile.HEADER_BYTES - OPEN_AT) / Long.BYTES];
    for (int i = 0; i < words.length; i++) {
      words[i] = (long) LONG.getVolatile(header, OPEN_AT + i * Long.BYTES);
    }
    BitSet open = BitSet.valueOf(words);
    synchronized (lost) {
      open.andNot(lost);
    }
    return open.isEmpty();
  }

  private static SharedFile open(String address) throws IOException {
    return SharedFile.open(address)
        .orElseThrow(() -> new IOException("The node's file is not seen here: " + address));
  }

  private static void reserve(FileChannel channel, long bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(bytes, 1 << 20));
    for (long at = 0; at < bytes; at += zeros.capacity()) {
      zeros.position(0).limit((int) Math.min(zeros.capacity(), bytes - at));
      write(channel, zeros, SharedFile.HEADER_BYTES + at);
    }
  }

  private static void write(FileChannel channel, int zeros, long at) throws IOException {
    write(channel, ByteBuffer.allocate(zeros), at);
  }

  private static void write(FileChannel channel, ByteBuffer from, long at) throws IOException {
    long position = at;
    while (from.hasRemaining()) {
      position += channel.write(from, position);
    }
  }

  private static void closeQuietly(SharedFile file) {
    try {
      file.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Copies so many bytes between a place in a segment and one that is so far into an array. */
  @FunctionalInterface
  private interface Part {
    void copy(ByteBuffer segment, int within, int done, int length);
  }
}
