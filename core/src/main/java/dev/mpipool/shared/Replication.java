package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.memory.Uninterruptibles;
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
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** Short enough for a processor's cache; or long, where pieces are not copied on their way. */
  private static final int PIECE_BYTES = 1 << 18;

  private static final int DIRECT_PIECE_BYTES = 1 << 22;

  private final MessageChannel channel;
  private final NodeMemory memory;
  private final Runs runs;
  private final long elements;
  private final int width;

  /** The ranks that take part, the one with the block first. */
  private final int[] tree;

  private final int place;
  private final byte[][] arrays = new byte[2][];

  /** Why a child did not get all, or null. */
  private RankLostException lost;

  Replication(
      Communicator communicator, Nodes nodes, int source, NodeMemory memory, Runs runs, int width) {
    channel = MessageChannels.of(communicator);
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
      Future<ByteBuffer> next = helper.submit(() -> pack(local, 0));
      for (long from = step(); next != null; from += step()) {
        ByteBuffer piece = Helper.result(next);
        long at = from;
        next = at < elements ? helper.submit(() -> pack(local, at)) : null;
        pass(piece);
      }
      complete = true;
    } finally {
      if (!complete) {
        pass(NOTHING);
      }
    }
    throwIfLost();
  }

  /**
   * The other ranks' part: nothing, except for the first of each other node. That takes all that
   * its parent has to send, whatever becomes of its children.
   */
  void receive() throws IOException {
    if (place == 0) {
      return;
    }
    boolean complete = false;
    try (Helper helper = new Helper()) {
      Future<Void> written = null;
      for (long from = 0; from < elements; from += step()) {
        ByteBuffer piece = target(from);
        boolean inPlace = piece.isDirect();
        piece.limit(channel.receiveDirect(tree[parent()], TAG, piece));
        if (!piece.hasRemaining()) {
          throw new CommunicatorException("Rank " + tree[0] + " could not bring its block", null);
        }
        pass(piece);
        if (written != null) {
          Helper.result(written);
        }
        long at = from;
        written = inPlace ? null : helper.submit(() -> unpack(at));
      }
      if (written != null) {
        Helper.result(written);
      }
      complete = true;
    } finally {
      if (!complete) {
        pass(NOTHING);
      }
    }
    throwIfLost();
  }

  private long step() {
    return (channel.isDirect() ? DIRECT_PIECE_BYTES : PIECE_BYTES) / width;
  }

  private int bytes(long from) {
    return (int) Math.min(step(), elements - from) * width;
  }

  /** The memory itself, if a piece lies in it as a whole and can go straight; or else null. */
  private ByteBuffer inMemory(long from) {
    long inRun = from % runs.length();
    int bytes = bytes(from);
    return channel.isDirect() && inRun + bytes / width <= runs.length()
        ? memory.slice((runs.start(from / runs.length()) + inRun) * width, bytes)
        : null;
  }

  /** Two arrays take turns: one is under way, while the other is filled or emptied. */
  private byte[] array(long from) {
    int turn = (int) (from / step() % 2);
    if (arrays[turn] == null) {
      arrays[turn] = new byte[bytes(0)];
    }
    return arrays[turn];
  }

  private ByteBuffer target(long from) {
    ByteBuffer inMemory = inMemory(from);
    return inMemory != null ? inMemory : ByteBuffer.wrap(array(from), 0, bytes(from));
  }

  private ByteBuffer pack(Local local, long from) throws IOException {
    ByteBuffer piece = target(from);
    long n = piece.remaining() / width;
    local.write(from, n);
    if (!piece.isDirect()) {
      byte[] bytes = array(from);
      runs.forEach(
          from,
          n,
          (inArray, inPiece, length) ->
              memory.read(inArray * width, bytes, (int) inPiece * width, (int) length * width));
    }
    return piece;
  }

  private Void unpack(long from) throws IOException {
    byte[] bytes = array(from);
    runs.forEach(
        from,
        bytes(from) / width,
        (inArray, inPiece, length) ->
            memory.write(inArray * width, bytes, (int) inPiece * width, (int) length * width));
    return null;
  }

  private int parent() {
    return place - Integer.highestOneBit(place);
  }

  /**
   * Binomial tree: the node at place p sends to p + 1, p + 2, p + 4 ... beyond its highest bit. A
   * lost rank keeps nothing from the others.
   */
  private void pass(ByteBuffer piece) {
    int step = place == 0 ? 1 : Integer.highestOneBit(place) << 1;
    for (; place + step < tree.length; step <<= 1) {
      int child = tree[place + step];
      try {
        channel.sendDirect(child, TAG, piece);
      } catch (RankLostException e) {
        lost = e;
      }
    }
  }

  private void throwIfLost() {
    if (lost != null) {
      throw lost;
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

    /** Waits through interrupts: others rely on this rank. */
    static <T> T result(Future<T> of) throws IOException {
      try {
        return Uninterruptibles.get(of::get);
      } catch (ExecutionException e) {
        throw new IOException("The block could not be copied: " + e.getCause(), e.getCause());
      }
    }

    @Override
    public void close() {
      thread.shutdown();
    }
  }
}
