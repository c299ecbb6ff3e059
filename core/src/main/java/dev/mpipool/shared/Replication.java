package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Brings a block from the memory of one node to that of all others: once to each, along a tree of
 * nodes, in pieces, so that a node passes a piece on while the next is coming.
 *
 * <p>On its own node the rank that has the block does the work, on each other the node's first. A
 * message is a piece, or empty where the sender has failed. What is copied in memory on both sides
 * is copied by a second thread while the piece before, or the next, is under way.
 */
final class Replication {

  private static final int TAG = 1;
  private static final int PIECE_BYTES = 1 << 18;

  private final Communicator communicator;
  private final NodeMemory memory;
  private final Runs runs;
  private final long elements;
  private final int width;

  /** The ranks that take part, the one with the block first. */
  private final int[] tree;

  private final int place;

  Replication(
      Communicator communicator, Nodes nodes, int source, NodeMemory memory, Runs runs, int width) {
    this.communicator = communicator;
    this.memory = memory;
    this.runs = runs;
    this.width = width;
    elements = runs.count() * runs.length();
    int own = nodes.leader(source);
    tree =
        IntStream.concat(
                IntStream.of(source), IntStream.of(nodes.leaders()).filter(other -> other != own))
            .toArray();
    place = IntStream.range(0, tree.length).filter(i -> tree[i] == communicator.rank()).sum();
  }

  /** The source's part: brings the block into this node's memory, and from there to the others. */
  void send(Local local) throws IOException {
    if (tree.length == 1) {
      local.write(0, elements);
      return;
    }
    boolean complete = false;
    try (Helper helper = new Helper()) {
      byte[][] pieces = {new byte[pieceBytes()], new byte[pieceBytes()]};
      Callable<ByteBuffer> first = () -> pack(local, 0, pieces[0]);
      Future<ByteBuffer> next = helper.submit(first);
      int number = 1;
      for (long from = step(); next != null; from += step()) {
        ByteBuffer piece = Helper.result(next);
        long at = from;
        byte[] other = pieces[number++ % 2];
        next = at < elements ? helper.submit(() -> pack(local, at, other)) : null;
        pass(piece);
      }
      complete = true;
    } finally {
      if (!complete) {
        pass(ByteBuffer.allocate(0));
      }
    }
  }

  /** The other ranks' part: nothing, except for the first of each other node. */
  void receive() throws IOException {
    if (place == 0) {
      return;
    }
    int parent = tree[place - Integer.highestOneBit(place)];
    try (Helper helper = new Helper()) {
      Future<Void> written = null;
      for (long from = 0; from < elements; from += step()) {
        ByteBuffer piece = communicator.receive(parent, TAG).data();
        pass(piece);
        if (!piece.hasRemaining()) {
          throw new CommunicatorException("Rank " + tree[0] + " could not bring its block", null);
        }
        if (written != null) {
          Helper.result(written);
        }
        long at = from;
        written = helper.submit(() -> unpack(at, piece));
      }
      Helper.result(written);
    }
  }

  private long step() {
    return PIECE_BYTES / width;
  }

  private int pieceBytes() {
    return (int) Math.min(step(), elements) * width;
  }

  private ByteBuffer pack(Local local, long from, byte[] piece) throws IOException {
    long n = Math.min(step(), elements - from);
    local.write(from, n);
    runs.forEach(
        from,
        n,
        (inArray, inPiece, length) ->
            memory.read(inArray * width, piece, (int) inPiece * width, (int) length * width));
    return ByteBuffer.wrap(piece, 0, (int) n * width);
  }

  private Void unpack(long from, ByteBuffer piece) throws IOException {
    byte[] bytes = piece.array();
    int begin = piece.arrayOffset() + piece.position();
    runs.forEach(
        from,
        piece.remaining() / width,
        (inArray, inPiece, length) ->
            memory.write(
                inArray * width, bytes, begin + (int) inPiece * width, (int) length * width));
    return null;
  }

  /** Binomial tree: the node at place p sends to p + 1, p + 2, p + 4 ... beyond its highest bit. */
  private void pass(ByteBuffer piece) {
    int step = place == 0 ? 1 : Integer.highestOneBit(place) << 1;
    for (; place + step < tree.length; step <<= 1) {
      communicator.send(tree[place + step], TAG, piece);
    }
  }

  /** Brings elements of the block, counted from its first, into the own node's memory. */
  @FunctionalInterface
  interface Local {
    void write(long from, long elements) throws IOException;
  }

  /**
   * A thread that copies in memory while the calling one, which may call MPI, sends or receives.
   */
  private static final class Helper implements AutoCloseable {
    private final ExecutorService thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, "mpipool-copier");
              made.setDaemon(true);
              return made;
            });

    <T> Future<T> submit(Callable<T> task) {
      return thread.submit(task);
    }

    static <T> T result(Future<T> of) throws IOException {
      try {
        return of.get();
      } catch (ExecutionException e) {
        throw new IOException("The block could not be copied: " + e.getCause(), e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommunicatorException("A collective call was interrupted", e);
      }
    }

    @Override
    public void close() {
      thread.shutdown();
    }
  }
}
