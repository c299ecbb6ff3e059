package dev.mpipool.batch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.List;

/**
 * The chunks of a batch that are under way, and those that are answered until they are consumed: in
 * the order of the elements, and in the order of the answers. Counts what makes room for more
 * elements. Belongs to {@link BatchState}, and is guarded by its lock: every method is called with
 * it held.
 */
final class BatchResults {

  /** All parts that are not consumed, in the order of their elements. */
  private final Ring<Part> inOrder = new Ring<>();

  /** Those that are done, in the order of their answers. */
  private final Ring<Part> answered = new Ring<>();

  private int underWay;
  private long completed;
  private long consumed;
  private long takenFrom;

  /** Adds chunks of a part that are about to be submitted; all or, without memory, none. */
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

  /** Adds a part that needs no answer. */
  void addDone(Part part, boolean keep) {
    if (keep) {
      answered.ensureRoom(1);
      inOrder.add(part);
      answered.add(part);
    }
    part.done = true;
    completed += part.outcomes.length;
  }

  /** A chunk is answered. Does not fail for want of memory. */
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

  /** Lets go of what is answered: it will not be consumed. */
  void discard() {
    inOrder.removeIf(part -> part.done);
    answered.clear();
  }

  /** How many chunks are under way. */
  int underWay() {
    return underWay;
  }

  /** The chunks that are under way. */
  List<ChunkFuture> chunksUnderWay() {
    List<ChunkFuture> all = new ArrayList<>(underWay);
    inOrder.forEach(part -> all.addAll(part.underWay));
    return all;
  }

  /** How many elements are answered. */
  long completed() {
    return completed;
  }

  /** How many elements the consumer has had and needs no more. */
  long consumed() {
    return consumed;
  }

  /** The consumer needs so many elements no more. */
  void addConsumed(int elements) {
    consumed += elements;
  }

  /** Removes the next part in one of the orders; null if it is not there yet. */
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

  /** The index of the first element of what {@link #next} has returned last. */
  long takenFrom() {
    return takenFrom;
  }

  /** Whether nothing is to be consumed, now or when it is answered. */
  boolean isEmpty(boolean ordered) {
    return ordered ? inOrder.isEmpty() : answered.isEmpty();
  }
}
