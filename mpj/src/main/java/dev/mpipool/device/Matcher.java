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
 * MPI's matching: receives wait in the order in which they were posted, messages in the order in
 * which they arrived, and each takes the first of the other kind that fits. Since a connection
 * keeps the order of its frames, messages of one source do not overtake each other. One lock guards
 * it all; nobody does I/O or completes a request under it. An {@link OutOfMemoryError} leaves it as
 * it was.
 */
final class Matcher {

  /** What waits in one context. Mostly short, and mostly the first one fits. */
  private static final class Context {
    final Ring<RecvRequest> posted = new Ring<>();
    final Ring<RecvRequest> probes = new Ring<>();
    final Ring<Arrival> arrived = new Ring<>();

    boolean isEmpty() {
      return posted.isEmpty() && probes.isEmpty() && arrived.isEmpty();
    }
  }

  private static final int FEW = 64;

  private final Map<Long, Context> contexts = new HashMap<>();

  /** With so many contexts, those of communicators that are gone or quiet are forgotten. */
  private int tooMany = FEW;

  private final BitSet gone = new BitSet();

  /** Why nothing can come any more; null as long as something can. */
  private Supplier<MPIException> closed;

  private Context context(long id) {
    Context known = contexts.get(id);
    return known == null ? newContext(id) : known;
  }

  /** Nobody tells of the end of a communicator, so its context goes when others need the room. */
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
   * A message has come.
   *
   * @return the receive that takes it; null if it waits as an arrival
   */
  RecvRequest arrive(Arrival arrival) {
    List<RecvRequest> probes = null;
    RecvRequest recv;
    synchronized (this) {
      Context c = context(arrival.envelope.context);
      if (!c.probes.isEmpty()) {
        probes = takeAll(c.probes, arrival.envelope);
      }
      recv = take(c.posted, arrival.envelope);
      if (recv == null) {
        c.arrived.add(arrival);
      }
    }
    if (probes != null) {
      for (RecvRequest probe : probes) {
        probe.begin(arrival.envelope);
        probe.succeed();
      }
    }
    return recv;
  }

  private static RecvRequest take(Ring<RecvRequest> queue, Envelope e) {
    for (int i = 0; i < queue.size(); i++) {
      if (queue.get(i).matches(e)) {
        return queue.removeAt(i);
      }
    }
    return null;
  }

  private static List<RecvRequest> takeAll(Ring<RecvRequest> queue, Envelope e) {
    List<RecvRequest> all = new ArrayList<>(queue.size());
    for (RecvRequest probe = take(queue, e); probe != null; probe = take(queue, e)) {
      all.add(probe);
    }
    return all;
  }

  /**
   * A receive is posted.
   *
   * @return the message that it takes and that is complete; null if it waits (for a message, or for
   *     the rest of one), or if it has failed because its source is lost
   */
  Arrival post(RecvRequest recv) {
    synchronized (this) {
      Arrival arrival = pull(recv);
      if (arrival != null) {
        return arrival.complete ? arrival : null;
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
   * A receive takes a message that is there, and is not posted otherwise.
   *
   * @return the message, null if there is none; if it has this claimant, the receive waits for the
   *     rest of it
   */
  synchronized Arrival fetch(RecvRequest recv) {
    return pull(recv);
  }

  private Arrival pull(RecvRequest recv) {
    Context c = context(recv.context);
    for (int i = 0; i < c.arrived.size(); i++) {
      if (recv.matches(c.arrived.get(i).envelope)) {
        Arrival arrival = c.arrived.removeAt(i);
        if (!arrival.complete) {
          arrival.claimant = recv;
        }
        return arrival;
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
    return closed == null && (recv.source < 0 || !gone.get(recv.source));
  }

  private MPIException reason(RecvRequest recv) {
    return recv.source >= 0 && isGone(recv.source)
        ? new RankLostException(recv.source)
        : closed.get();
  }

  /** The first message that fits, or null. */
  synchronized Envelope find(RecvRequest probe) {
    Context c = contexts.get(probe.context);
    if (c != null) {
      for (Arrival arrival : c.arrived) {
        if (probe.matches(arrival.envelope)) {
          return arrival.envelope;
        }
      }
    }
    return null;
  }

  synchronized boolean isGone(int rank) {
    return gone.get(rank);
  }

  /**
   * The last bytes of an arrival are here. Returns the receive that waits for them, if there is
   * one.
   */
  synchronized RecvRequest complete(Arrival arrival) {
    arrival.complete = true;
    return arrival.claimant;
  }

  /** Fails what waits for the rank. What has arrived from it completely can still be received. */
  void lose(int rank) {
    List<RecvRequest> failed;
    synchronized (this) {
      gone.set(rank);
      failed = new ArrayList<>(waiting());
      for (Context c : contexts.values()) {
        removeOf(rank, c.posted, failed);
        removeOf(rank, c.probes, failed);
        c.arrived.removeIf(
            a -> a.envelope.source == rank && (a.kind == Frame.ANNOUNCE || !a.complete));
      }
    }
    DeviceRequest.failAll(failed, () -> new RankLostException(rank));
  }

  /** How many receives and probes wait. */
  private int waiting() {
    int count = 0;
    for (Context c : contexts.values()) {
      count += c.posted.size() + c.probes.size();
    }
    return count;
  }

  /** Nothing comes any more, MPI being finalized perhaps: fails all that waits, and all to come. */
  void close(Supplier<MPIException> why) {
    List<DeviceRequest> failed = new ArrayList<>();
    synchronized (this) {
      closed = why;
      for (Context c : contexts.values()) {
        failed.addAll(c.posted);
        failed.addAll(c.probes);
        c.arrived.forEach(
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
