package dev.mpipool.worker;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.GroupTransport;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.GroupTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The groups of which this worker is a member, and messages of groups that it has not joined yet:
 * another member may send before main's message has arrived. Thread-safe.
 */
final class Groups {

  /**
   * The number of ended groups that are remembered, to recognize late messages, and of groups for
   * which early messages are kept; far more than begin at a time.
   */
  private static final int REMEMBERED = 1_000;

  private record Early(int rank, ByteBuffer message) {}

  private record Group(GroupTransport transport, List<Integer> ranks) {}

  private static final Logger LOG = LoggerFactory.getLogger(Groups.class);

  private final FrameSender sender;
  private final Map<Long, Group> active = new HashMap<>();
  private final Map<Long, List<Early>> early = new Recent<>();
  private final Map<Integer, String> lost = new HashMap<>();
  private final Map<Long, Boolean> past = new Recent<>();

  /** Forgets the eldest entry. */
  private static final class Recent<V> extends LinkedHashMap<Long, V> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Long, V> eldest) {
      return size() > REMEMBERED;
    }
  }

  Groups(FrameSender sender) {
    this.sender = sender;
  }

  /** Joins a group; returns the same transport if this worker has joined already. */
  synchronized GroupTransport join(GroupTask task) {
    List<Integer> ranks = task.ranks();
    Group known = active.get(task.group());
    if (known != null) { // memory ran out after it had joined
      return known.transport;
    }
    GroupTransport made =
        GroupTransport.create(
            task.member(),
            ranks.size(),
            (member, message) ->
                sender.post(
                    ranks.get(member), new Entry(EntryKind.GROUP_MESSAGE, task.group(), message)));
    active.put(task.group(), new Group(made, ranks));
    ranks.stream()
        .filter(lost::containsKey)
        .findFirst()
        .ifPresent(rank -> made.end(lost.get(rank)));
    List<Early> waiting = early.remove(task.group());
    if (waiting != null) {
      waiting.forEach(one -> deliver(task.group(), one.rank, one.message));
    }
    return made;
  }

  /** Delivers a message from another member, or keeps it until this worker joins the group. */
  synchronized void deliver(long group, int rank, ByteBuffer message) {
    Group known = active.get(group);
    if (known != null) {
      deliver(known, rank, message);
    } else if (!past.containsKey(group)) {
      early.computeIfAbsent(group, key -> new ArrayList<>()).add(new Early(rank, message));
    }
  }

  private static void deliver(Group group, int rank, ByteBuffer message) {
    try {
      group.transport.deliver(group.ranks.indexOf(rank), message);
    } catch (CommunicatorException e) {
      LOG.warn("Rank {} sent what is no message of a group: {}", rank, e.getMessage());
      group.transport.end("Rank %d sent what is no message: %s".formatted(rank, e.getMessage()));
    }
  }

  /** Whether this worker is in the group and another member was lost. */
  synchronized boolean isBroken(long group) {
    Group known = active.get(group);
    return known != null && known.ranks.stream().anyMatch(lost::containsKey);
  }

  /** Leaves a group; later messages of that group are dropped. */
  synchronized void ended(long group) {
    active.remove(group);
    early.remove(group);
    past.put(group, true);
  }

  /** Ends all groups with a lost rank, which frees the threads that wait in them. */
  synchronized void lost(int rank, String reason) {
    String why = "Rank %d, a member of the group, was lost: %s".formatted(rank, reason);
    lost.put(rank, why);
    active.values().stream()
        .filter(group -> group.ranks.contains(rank))
        .forEach(group -> group.transport.end(why));
  }
}
