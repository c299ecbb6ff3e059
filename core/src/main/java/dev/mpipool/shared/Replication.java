package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/**
 * Brings a block from the memory of one node to that of all others: once to each, along a tree of
 * nodes, in pieces, so that a node passes a piece on while the next is coming.
 *
 * <p>On its own node the rank that has the block does the work, on each other the node's first. A
 * message is a piece, or empty where the sender has failed.
 */
final class Replication {

  private static final int TAG = 1;
  private static final int PIECE_BYTES = 1 << 22;

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

  /** The source's part. Before each piece is sent, it is brought into this node's memory. */
  void send(Local local) throws IOException {
    boolean complete = false;
    try {
      long step = PIECE_BYTES / width;
      if (tree.length == 1) {
        local.write(0, elements);
      } else {
        byte[] piece = new byte[(int) Math.min(step, elements) * width];
        for (long from = 0; from < elements; from += step) {
          long n = Math.min(step, elements - from);
          local.write(from, n);
          runs.forEach(
              from,
              n,
              (inArray, inPiece, length) ->
                  memory.read(inArray * width, piece, (int) inPiece * width, (int) length * width));
          pass(ByteBuffer.wrap(piece, 0, (int) n * width));
        }
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
    for (long from = 0; from < elements; ) {
      ByteBuffer piece = communicator.receive(parent, TAG).data();
      pass(piece);
      if (!piece.hasRemaining()) {
        throw new CommunicatorException("Rank " + tree[0] + " could not bring its block", null);
      }
      byte[] bytes = piece.array();
      int begin = piece.arrayOffset() + piece.position();
      long n = piece.remaining() / width;
      runs.forEach(
          from,
          n,
          (inArray, inPiece, length) ->
              memory.write(
                  inArray * width, bytes, begin + (int) inPiece * width, (int) length * width));
      from += n;
    }
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
}
