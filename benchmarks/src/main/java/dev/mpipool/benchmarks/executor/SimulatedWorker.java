package dev.mpipool.benchmarks.executor;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Stands in for one worker: answers main's entries with those that a {@link
 * dev.mpipool.worker.WorkerLoop} sends, which a test compares. It runs no tasks: each is answered
 * with the same result in the frame in which it comes, or, if the worker is busy, never begins to
 * end.
 */
final class SimulatedWorker {

  private final ByteBuffer result;
  private final long nanosPerTask;

  /** The unanswered tasks of a busy worker, the first of which it has begun; else null. */
  private final Deque<Long> held;

  private SimulatedWorker(ByteBuffer result, long nanosPerTask, Deque<Long> held) {
    this.result = result;
    this.nanosPerTask = nanosPerTask;
    this.held = held;
  }

  /**
   * A worker that keeps nothing, and can stand for any number of workers.
   *
   * @param result of every task
   * @param nanosPerTask how long a task takes, as it says
   */
  static SimulatedWorker answering(ByteBuffer result, long nanosPerTask) {
    return new SimulatedWorker(result, nanosPerTask, null);
  }

  /** A worker whose first task does not end. */
  static SimulatedWorker busy() {
    return new SimulatedWorker(null, 0, new ArrayDeque<>());
  }

  /** The tasks that it has and has not answered. */
  int held() {
    return held == null ? 0 : held.size();
  }

  /**
   * Handles a frame of main.
   *
   * @param frame its entries
   * @return what it sends, in one frame; nothing if it is empty
   * @throws IOException if main may not send that to a worker without groups
   */
  List<Entry> answer(List<Entry> frame) throws IOException {
    List<Entry> answer = new ArrayList<>(frame.size() + 1);
    int tasks = 0;
    for (Entry entry : frame) {
      switch (entry.kind()) {
        case TASK -> {
          if (held == null) {
            answer.add(new Entry(EntryKind.RESULT, entry.id(), result));
            tasks++;
          } else {
            held.add(entry.id());
          }
        }
        case CANCEL -> cancel(entry.id(), answer);
        case RECALL -> answer.add(returned(entry.bytes().getInt()));
        case PING -> answer.add(new Entry(EntryKind.PONG, 0));
        case RELEASE -> answer.add(new Entry(EntryKind.LEFT, 0));
        case OPEN, PUT, FORGET, ABANDON, EXCLUDED -> {}
        default -> throw new IOException("no answer is known to " + entry.kind());
      }
    }
    if (tasks > 0) {
      Entry busy = new Entry(EntryKind.BUSY_TIME, tasks * nanosPerTask);
      answer.add(answer.size() == 1 ? 0 : answer.size(), busy); // a lone payload stays last
    }
    return answer;
  }

  /** A task that has begun is not interrupted by what a benchmark cancels. */
  private void cancel(long id, List<Entry> answer) {
    if (held != null && !held.isEmpty() && held.peekFirst() != id && held.remove(id)) {
      answer.add(new Entry(EntryKind.DROPPED, id));
    }
  }

  private Entry returned(int most) {
    int unstarted = Math.max(0, held() - 1);
    ByteBuffer numbers = ByteBuffer.allocate(Math.min(most, unstarted) * Long.BYTES);
    while (numbers.hasRemaining()) {
      numbers.putLong(held.removeLast());
    }
    return new Entry(EntryKind.RETURNED, 0, numbers.flip());
  }
}
