package dev.mpipool.batch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.List;

/**
 * The chunks of a batch in flight, and the answered ones until they are consumed, in the order of
 * elements and in the order of answers. Counts answered and consumed elements. Part of {@link
 * BatchState} and guarded by its lock, which callers hold.
 */
final class BatchResults {

  /** All parts that are not consumed, in the order of their elements. */
  private final Ring<Part> inOrder = new Ring<>();

  /** The parts that are done, in the order of their answers. */
  private final Ring<Part> answered = new Ring<>();

  private int underWay;
  private long completed;
  private long consumed;
  private long takenFrom;

  /** Adds chunks of a part that are about to be submitted; none if memory runs out. */
  void begin(Part part, List<ChunkFuture> futures) {
    part.underWay.ensureCapacity(part.underWay.size() + futures.size());
    if (part.underWay.isEmpty()) {
      inOrder.add(part);
    }
    for (int i = 0; i < futures.size(); i++) {
      part.underWay.add(futures.get(i));
    }
    underWay += futures.size();
  }

  /** Adds a part whose outcomes are known. */
  void addDone(Part part, boolean keep) {
    if (keep) {
      answered.ensureRoom(1);
      inOrder.add(part);
      answered.add(part);
    }
    part.done = true;
    completed += part.outcomes.length;
  }

  /** Records that a chunk is answered. Retries when out of memory. */
  void answered(Part part, ChunkFuture future, boolean keep) {
    underWay--;
    part.underWay.remove(future);
    part.done = part.underWay.isEmpty();
    if (part.done) {
      completed += part.outcomes.length;
      if (keep) {
        addSurely(part);
      } else {
        inOrder.remove(part);
      }
    }
  }

  private void addSurely(Part part) {
    long pause = 0;
    while (true) {
      try {
        answered.add(part);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Releases the answered parts, which will not be consumed. */
  void discard() {
    inOrder.removeIf(part -> part.done);
    answered.clear();
  }

  /** The number of chunks in flight. */
  int underWay() {
    return underWay;
  }

  /** The chunks in flight. */
  List<ChunkFuture> chunksUnderWay() {
    List<ChunkFuture> all = new ArrayList<>(underWay);
    inOrder.forEach(part -> all.addAll(part.underWay));
    return all;
  }

  /** The number of answered elements. */
  long completed() {
    return completed;
  }

  /** The number of elements with which the consumer is done. */
  long consumed() {
    return consumed;
  }

  /** Records that the consumer is done with this many elements. */
  void addConsumed(int elements) {
    consumed += elements;
  }

  /** Removes the next part in one of the orders; null if it is not answered yet. */
  Part next(boolean ordered) {
    Ring<Part> order = ordered ? inOrder : answered;
    Part part = order.peek();
    if (part == null || !part.done) {
      return null;
    }
    order.poll();
    (ordered ? answered : inOrder).remove(part);
    takenFrom = part.firstIndex;
    return part;
  }

  /** The index of the first element of the part that {@link #next} returned last. */
  long takenFrom() {
    return takenFrom;
  }

  /** Whether nothing is left to consume; if ordered, chunks in flight count as left. */
  boolean isEmpty(boolean ordered) {
    return ordered ? inOrder.isEmpty() : answered.isEmpty();
  }
}
