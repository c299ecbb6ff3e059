package dev.mpipool.comm;

import dev.mpipool.memory.Buffers;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Routes the messages of one rank: sorts what the transport delivers into one {@link Mailbox} per
 * context, where threads wait for messages.
 *
 * <p>One waiting thread at a time polls the transport, for the communicators of all contexts. It
 * puts messages into the mailboxes until its own message has arrived; then another waiting thread
 * takes over. A thread that waits alone, the usual case, gets its message without a thread switch.
 * Messages are matched by source and tag here, not by the transport.
 *
 * <p>Contexts are numbers; that of all ranks is 0. {@link #newContext} composes others of this
 * rank's number and a count, so no two are the same; {@link MessageCommunicator#part} uses a
 * reserved range.
 *
 * <p>All state that is not volatile is guarded by {@code lock}, which is not held while the
 * transport is called.
 */
final class MessageRouter implements Receiver {

  /** How many closed contexts are remembered, so that late messages are dropped. */
  private static final int REMEMBERED = 1_000;

  /** The context of all ranks. */
  static final long ALL = 0;

  private static final String LEFT = "it has left the job (MPIRuntime.finish or MPI.Finalize)";

  final Transport transport;

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Mailbox> mailboxes = new HashMap<>();

  /** The mailbox that was used last, or null. */
  private Mailbox recent;

  /** The mailboxes of the threads that wait while another polls, one entry for each thread. */
  private final Ring<Mailbox> waiting = new Ring<>();

  /** The mailbox for which a thread polls, and that thread; null while none polls. */
  private Mailbox polled;

  private Thread poller;

  private final Map<Long, Boolean> past = new Past();

  /** The reason by lost rank. */
  private final Map<Integer, String> lost = new LinkedHashMap<>();

  /** The ranks that have begun to leave the job in an orderly way. */
  private final BitSet left;

  private final List<Runnable> leavingActions = new CopyOnWriteArrayList<>();

  private final List<RankLostListener> listeners = new ArrayList<>();

  /** Truncated messages that did not fit into memory, and how many bytes each lacks. */
  private final IdentityHashMap<Message, Integer> cut = new IdentityHashMap<>();

  private final AtomicInteger contexts = new AtomicInteger();

  /** Why no message can be sent or received any more, or null. */
  private volatile String ended;

  private static final class Past extends LinkedHashMap<Long, Boolean> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Long, Boolean> eldest) {
      return size() > REMEMBERED;
    }
  }

  private MessageRouter(Transport transport) {
    this.transport = transport;
    this.left = new BitSet(transport.size());
  }

  /** Starts a transport with a new router. */
  static MessageRouter start(Transport transport) {
    MessageRouter router = new MessageRouter(transport);
    transport.start(router);
    transport.onRankLost(router::lost);
    return router;
  }

  /** A number for a new context. */
  long newContext() {
    return (transport.rank() + 1L) << Integer.SIZE | contexts.incrementAndGet();
  }

  // ---- sending

  /** Sends a message to any rank, this one included. */
  void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    checkNotEnded();
    if (destination == transport.rank()) {
      byte[] end = attachment.hasRemaining() ? Buffers.copy(attachment) : null;
      ByteBuffer copy = ByteBuffer.wrap(Buffers.copy(data));
      deliver(context, new Message(destination, tag, copy, end), 0);
    } else {
      transport.send(destination, context, tag, data, attachment);
    }
  }

  /** Sends a message that only {@link #receiveDirect} receives. */
  void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    checkNotEnded();
    if (transport.isDirect()) {
      transport.sendDirect(destination, context, tag, message);
    } else {
      transport.send(destination, besides(context), tag, message, ByteBuffer.allocate(0));
    }
  }

  /** Receives the next message of {@link #sendDirect}, and returns its length. */
  int receiveDirect(int source, long context, int tag, ByteBuffer place, Members members) {
    checkNotEnded();
    if (transport.isDirect()) {
      return transport.receiveDirect(source, context, tag, place);
    }
    ByteBuffer message = receive(open(besides(context)), source, tag, members).data();
    int length = message.remaining();
    place.put(place.position(), message, message.position(), length);
    return length;
  }

  /** The context of the direct messages of a context, if the transport has no direct messages. */
  private static long besides(long context) {
    return ~context;
  }

  private void checkNotEnded() {
    if (ended != null) {
      throw new CommunicatorException(ended, null);
    }
  }

  // ---- what the transport reports

  @Override
  public void received(
      int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {
    deliver(context, new Message(source, tag, data, attachment), missing);
  }

  private void deliver(long context, Message message, int missing) {
    boolean wake;
    lock.lock();
    try {
      Mailbox mailbox = mailbox(context);
      if (mailbox == null) {
        return;
      }
      if (missing > 0) {
        cut.put(message, missing);
      }
      try {
        mailbox.add(message);
      } catch (OutOfMemoryError e) {
        cut.remove(message);
        throw e;
      }
      wake = mailbox == polled && poller != Thread.currentThread();
    } finally {
      lock.unlock();
    }
    if (wake) {
      transport.wake();
    }
  }

  /**
   * The mailbox of a context; null if the context was closed. Created if missing, since a message
   * may arrive before this rank has created the communicator.
   */
  private Mailbox mailbox(long context) {
    if (recent != null && recent.context == context) {
      return recent;
    }
    Mailbox mailbox = mailboxes.get(context);
    if (mailbox == null) {
      if (past.containsKey(context)) {
        return null;
      }
      mailbox = new Mailbox(context, lock.newCondition());
      mailboxes.put(context, mailbox);
    }
    recent = mailbox;
    return mailbox;
  }

  /** Waiting calls, and later ones that send or would wait, throw an exception with the reason. */
  @Override
  public void broken(String reason) {
    Memory.lock(lock);
    try {
      ended = reason;
      signalAll();
    } finally {
      lock.unlock();
    }
    transport.wake();
  }

  /**
   * Threads that wait for a message of this rank get an exception. Others go on waiting: a
   * collective call in which it has done its part can still end.
   */
  @Override
  public void left(int rank) {
    Memory.lock(lock);
    try {
      left.set(rank);
      signalAll();
    } finally {
      lock.unlock();
    }
    transport.wake();
  }

  void markServed(Mailbox mailbox) {
    lock.lock();
    try {
      mailbox.served = true;
    } finally {
      lock.unlock();
    }
  }

  Runnable onLeaving(Runnable action) {
    leavingActions.add(action);
    return () -> leavingActions.remove(action);
  }

  void leaving() {
    leavingActions.forEach(Runnable::run);
  }

  private void lost(int rank, String reason) {
    List<RankLostListener> told;
    lock.lock();
    try {
      told = List.copyOf(listeners);
      if (lost.put(rank, reason) != null) {
        return;
      }
      signalAll();
    } finally {
      lock.unlock();
    }
    transport.wake();
    for (RankLostListener listener : told) {
      listener.rankLost(rank, reason);
    }
  }

  private void signalAll() {
    for (int i = 0; i < waiting.size(); i++) { // an iterator would need memory
      waiting.get(i).changed.signalAll();
    }
  }

  // ---- lost ranks

  /** Registers a listener, and calls it in this thread for the ranks lost before. */
  void listen(RankLostListener listener) {
    Map<Integer, String> before;
    lock.lock();
    try {
      listeners.add(listener);
      before = new LinkedHashMap<>(lost);
    } finally {
      lock.unlock();
    }
    for (Map.Entry<Integer, String> one : before.entrySet()) {
      listener.rankLost(one.getKey(), one.getValue());
    }
  }

  void forget(List<RankLostListener> forgotten) {
    lock.lock();
    try {
      listeners.removeAll(forgotten);
    } finally {
      lock.unlock();
    }
  }

  // ---- receiving

  /** The mailbox of a new communicator. */
  Mailbox open(long context) {
    lock.lock();
    try {
      past.remove(context);
      return mailbox(context);
    } finally {
      lock.unlock();
    }
  }

  /** Closes a context; threads that wait in it get an exception. */
  void close(Mailbox mailbox) {
    lock.lock();
    try {
      close(mailbox.context);
      close(besides(mailbox.context));
    } finally {
      lock.unlock();
    }
    transport.forget(mailbox.context);
    transport.wake();
  }

  private void close(long context) {
    past.put(context, true);
    recent = null;
    Mailbox mailbox = mailboxes.remove(context);
    if (mailbox != null) {
      mailbox.closed = "The communicator has been closed";
      mailbox.changed.signalAll();
    }
  }

  /**
   * Waits for the earliest message that matches. If memory runs out, no message is removed.
   *
   * @throws MessageTooLongException with a rank of the transport as its source
   */
  Message receive(Mailbox mailbox, int source, int tag, Members members) {
    Message message;
    Integer missing;
    lock.lock();
    try {
      message = mailbox.removeMatch(source, tag);
      while (message == null) {
        checkThatMessagesCanCome(mailbox, source, tag, members);
        if (polled == null) {
          poll(mailbox);
        } else {
          await(mailbox);
        }
        message = mailbox.removeMatch(source, tag);
      }
      missing = cut.isEmpty() ? null : cut.remove(message);
    } finally {
      if (polled == null && !waiting.isEmpty()) {
        waiting.peek().changed.signal();
      }
      lock.unlock();
    }
    if (missing != null) {
      throw new MessageTooLongException(message, missing);
    }
    return message;
  }

  /** Lets the transport deliver messages, with the lock released. */
  private void poll(Mailbox mailbox) {
    polled = mailbox;
    poller = Thread.currentThread();
    lock.unlock();
    try {
      transport.poll(Long.MAX_VALUE);
    } finally {
      Memory.lock(lock);
      polled = null;
      poller = null;
    }
  }

  /** May return for no reason: the caller checks its condition again. */
  @SuppressWarnings("WaitNotInLoop")
  private void await(Mailbox mailbox) {
    waiting.add(mailbox);
    mailbox.waiters++;
    try {
      mailbox.changed.awaitUninterruptibly();
    } finally {
      mailbox.waiters--;
      waiting.remove(mailbox);
    }
  }

  /**
   * Throws an exception if no matching message can arrive any more. A collective call fails for any
   * lost member, even if its next message comes from a living one: the call cannot complete.
   */
  private void checkThatMessagesCanCome(Mailbox mailbox, int source, int tag, Members members) {
    String closed = ended == null ? mailbox.closed : ended;
    if (closed != null) {
      throw new CommunicatorException(closed, null);
    }
    if (lost.isEmpty() && left.isEmpty()) {
      return;
    }
    if (lost.containsKey(source)) {
      throw nothingMore(members.rankOf(source), lost.get(source));
    }
    if (source >= 0 && left.get(source) && !mailbox.served) {
      transport.failedForLeaver();
      throw nothingMore(members.rankOf(source), LEFT);
    }
    if (tag < Communicator.ANY_TAG) {
      lost.keySet().stream()
          .filter(members::contains)
          .findFirst()
          .ifPresent(first -> endCollective(members.rankOf(first), lost.get(first)));
    }
    if (source == Communicator.ANY_SOURCE) {
      BitSet silent = mailbox.served ? new BitSet() : (BitSet) left.clone();
      lost.keySet().forEach(silent::set);
      List<Integer> gone = silent.stream().filter(members::contains).boxed().toList();
      if (!gone.isEmpty() && gone.size() == members.size() - 1) {
        transport.failedForLeaver();
        throw new RankLostException(
            members.rankOf(gone.get(0)), "All other ranks are lost or have left the job", null);
      }
    }
  }

  private static RankLostException nothingMore(int rank, String reason) {
    return new RankLostException(
        rank, "Nothing more comes from rank %d: %s".formatted(rank, reason), null);
  }

  private static void endCollective(int rank, String reason) {
    throw new RankLostException(
        rank, "A collective call cannot end without rank %d: %s".formatted(rank, reason), null);
  }
}
