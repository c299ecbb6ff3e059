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
 * The groups that this worker is a member of, and messages of groups it has yet to hear of: a
 * member that starts early may send before main's own message has come.
 */
final class Groups {

  /**
   * So many groups are remembered after their end, so that late messages are known as such; and of
   * so many messages are kept before they begin, which is many more than begin at a time.
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

  /** Forgets the eldest. */
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

  /** This worker joins a group. */
  synchronized GroupTransport join(GroupTask task) {
    List<Integer> ranks = task.ranks();
    Group known = active.get(task.group());
    if (known != null) { // memory has run out after it joined
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

  /** A message of another member. */
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

  /** Whether a member of a group that this worker is in was lost. */
  synchronized boolean isBroken(long group) {
    Group known = active.get(group);
    return known != null && known.ranks.stream().anyMatch(lost::containsKey);
  }

  /** This worker has left a group. */
  synchronized void ended(long group) {
    active.remove(group);
    early.remove(group);
    past.put(group, true);
  }

  /** A rank was lost: those who wait for it need not. */
  synchronized void lost(int rank, String reason) {
    String why = "Rank %d, a member of the group, was lost: %s".formatted(rank, reason);
    lost.put(rank, why);
    active.values().stream()
        .filter(group -> group.ranks.contains(rank))
        .forEach(group -> group.transport.end(why));
  }
}
