package dev.mpipool.device;

import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import mpi.MPIException;

/**
 * MPI's matching. Receives wait in the order in which they were posted, unexpected messages in the
 * order in which they arrived. A receive matches the first message that fits, and a message the
 * first receive. A connection keeps the order of its frames, so messages of one source do not
 * overtake each other.
 *
 * <p>The monitor guards everything. No request is completed under it, and there is no I/O. An
 * {@link OutOfMemoryError} leaves the matcher as it was.
 */
final class Matcher {

  /** The queues of one context. They are mostly short, and mostly the first entry fits. */
  private static final class Context {
    final Ring<RecvRequest> posted = new Ring<>();
    final Ring<RecvRequest> probes = new Ring<>();
    final Ring<UnexpectedMessage> unexpected = new Ring<>();

    boolean isEmpty() {
      return posted.isEmpty() && probes.isEmpty() && unexpected.isEmpty();
    }
  }

  private static final int FEW = 64;

  private final Map<Long, Context> contexts = new HashMap<>();

  /** The number of contexts at which the empty ones are removed. */
  private int tooMany = FEW;

  private final BitSet gone = new BitSet();

  /** Ranks that are in MPI.Finalize. */
  private final BitSet left = new BitSet();

  /** Why no message can arrive any more; null as long as messages can. */
  private Supplier<MPIException> closed;

  private Context context(long id) {
    Context known = contexts.get(id);
    return known == null ? newContext(id) : known;
  }

  /** The end of a communicator is not reported: empty contexts are removed when there are many. */
  private Context newContext(long id) {
    if (contexts.size() >= tooMany) {
      contexts.values().removeIf(Context::isEmpty);
      tooMany = Math.max(FEW, 2 * contexts.size());
    }
    Context created = new Context();
    contexts.put(id, created);
    return created;
  }

  /**
   * Matches a message that has arrived, or begins to.
   *
   * @return its receive; null if it is now an unexpected message
   */
  RecvRequest arrive(UnexpectedMessage message) {
    List<RecvRequest> probes = null;
    RecvRequest recv;
    synchronized (this) {
      Context c = context(message.envelope.context);
      if (!c.probes.isEmpty()) {
        probes = removeMatches(c.probes, message.envelope);
      }
      recv = removeMatch(c.posted, message.envelope);
      if (recv == null) {
        c.unexpected.add(message);
      }
    }
    if (probes != null) {
      for (RecvRequest probe : probes) {
        probe.begin(message.envelope);
        probe.succeed();
      }
    }
    return recv;
  }

  private static RecvRequest removeMatch(Ring<RecvRequest> queue, Envelope e) {
    for (int i = 0; i < queue.size(); i++) {
      if (queue.get(i).matches(e)) {
        return queue.removeAt(i);
      }
    }
    return null;
  }

  private static List<RecvRequest> removeMatches(Ring<RecvRequest> queue, Envelope e) {
    List<RecvRequest> all = new ArrayList<>(queue.size());
    for (RecvRequest probe = removeMatch(queue, e); probe != null; probe = removeMatch(queue, e)) {
      all.add(probe);
    }
    return all;
  }

  /**
   * Posts a receive.
   *
   * @return its message, if that is complete; null if the receive waits for a message or for the
   *     rest of one, or has failed because its source is lost
   */
  UnexpectedMessage post(RecvRequest recv) {
    synchronized (this) {
      UnexpectedMessage message = removeMatch(recv);
      if (message != null) {
        return message.complete ? message : null;
      }
      if (canCome(recv)) {
        context(recv.context).posted.add(recv);
        return null;
      }
    }
    recv.fail(reason(recv));
    return null;
  }

  /**
   * Matches a receive with an unexpected message, without posting it.
   *
   * @return the message, or null if there is none; if the receive is its claimant, the rest of the
   *     message has not arrived yet
   */
  synchronized UnexpectedMessage poll(RecvRequest recv) {
    return removeMatch(recv);
  }

  private UnexpectedMessage removeMatch(RecvRequest recv) {
    Context c = context(recv.context);
    for (int i = 0; i < c.unexpected.size(); i++) {
      if (recv.matches(c.unexpected.get(i).envelope)) {
        UnexpectedMessage message = c.unexpected.removeAt(i);
        if (!message.complete) {
          message.claimant = recv;
        }
        return message;
      }
    }
    return null;
  }

  /** Completes the probe now or at the next message that fits. */
  void probe(RecvRequest probe) {
    Envelope found;
    synchronized (this) {
      found = find(probe);
      if (found == null && canCome(probe)) {
        context(probe.context).probes.add(probe);
        return;
      }
    }
    if (found == null) {
      probe.fail(reason(probe));
    } else {
      probe.begin(found);
      probe.succeed();
    }
  }

  private boolean canCome(RecvRequest recv) {
    return closed == null && (recv.source < 0 || !(gone.get(recv.source) || left.get(recv.source)));
  }

  private MPIException reason(RecvRequest recv) {
    return recv.source >= 0 && isGone(recv.source) ? lossOf(recv.source) : closed.get();
  }

  /** The first message that fits, or null. */
  synchronized Envelope find(RecvRequest probe) {
    Context c = contexts.get(probe.context);
    if (c != null) {
      for (UnexpectedMessage message : c.unexpected) {
        if (probe.matches(message.envelope)) {
          return message.envelope;
        }
      }
    }
    return null;
  }

  synchronized boolean isGone(int rank) {
    return gone.get(rank) || left.get(rank);
  }

  /** Why nothing more comes from a rank. */
  synchronized MPIException lossOf(int rank) {
    return left.get(rank) ? RankLostException.left(rank) : new RankLostException(rank);
  }

  /**
   * A rank has left: fails all that waits for its messages. What it has announced can still be
   * fetched.
   */
  void leave(int rank) {
    List<RecvRequest> failed;
    synchronized (this) {
      left.set(rank);
      failed = new ArrayList<>(waiting());
      removeWaiting(rank, failed);
    }
    DeviceRequest.failAll(failed, () -> lossOf(rank));
  }

  /**
   * The last bytes of an unexpected message have arrived. Returns the receive that waits for them,
   * or null.
   */
  synchronized RecvRequest complete(UnexpectedMessage message) {
    message.complete = true;
    return message.claimant;
  }

  /** Fails all that waits for a lost rank. Its complete messages can still be received. */
  void lose(int rank) {
    List<RecvRequest> failed;
    synchronized (this) {
      gone.set(rank);
      failed = new ArrayList<>(waiting());
      removeWaiting(rank, failed);
      for (Context c : contexts.values()) {
        c.unexpected.removeIf(
            a -> a.envelope.source == rank && (a.kind == Frame.RTS || !a.complete));
      }
    }
    DeviceRequest.failAll(failed, () -> lossOf(rank));
  }

  private void removeWaiting(int rank, List<RecvRequest> removed) {
    for (Context c : contexts.values()) {
      removeOf(rank, c.posted, removed);
      removeOf(rank, c.probes, removed);
    }
  }

  /** How many receives and probes wait. */
  private int waiting() {
    int count = 0;
    for (Context c : contexts.values()) {
      count += c.posted.size() + c.probes.size();
    }
    return count;
  }

  /** No message can arrive any more: fails all that waits, and from now on all that would wait. */
  void close(Supplier<MPIException> why) {
    List<DeviceRequest> failed = new ArrayList<>();
    synchronized (this) {
      closed = why;
      for (Context c : contexts.values()) {
        failed.addAll(c.posted);
        failed.addAll(c.probes);
        c.unexpected.forEach(
            a -> {
              if (a.own != null) {
                failed.add(a.own);
              }
            });
      }
      contexts.clear();
    }
    DeviceRequest.failAll(failed, why);
  }

  private static void removeOf(int rank, Ring<RecvRequest> queue, List<RecvRequest> removed) {
    queue.removeIf(recv -> recv.source == rank && removed.add(recv));
  }
}
