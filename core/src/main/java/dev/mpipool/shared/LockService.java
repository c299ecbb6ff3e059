package dev.mpipool.shared;

import static dev.mpipool.shared.LockMessages.ABANDON;
import static dev.mpipool.shared.LockMessages.BYE;
import static dev.mpipool.shared.LockMessages.CANCEL;
import static dev.mpipool.shared.LockMessages.DONE;
import static dev.mpipool.shared.LockMessages.GRANT;
import static dev.mpipool.shared.LockMessages.ID_AT;
import static dev.mpipool.shared.LockMessages.LOOK_AROUND;
import static dev.mpipool.shared.LockMessages.REFUSE;
import static dev.mpipool.shared.LockMessages.RELEASE;
import static dev.mpipool.shared.LockMessages.REPORT;
import static dev.mpipool.shared.LockMessages.REQUEST;
import static dev.mpipool.shared.LockMessages.TRY;
import static dev.mpipool.shared.LockMessages.message;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.memory.Memory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What ranks tell each other about a lock.
 *
 * <p>The lowest living rank is the lock's keeper and has its {@link LockQueue}. A thread that wants
 * the lock has REQUEST sent to the keeper and waits for GRANT; then RELEASE is sent. TRY is
 * answered with GRANT or REFUSE at once. CANCEL takes a request back, granted or not: so a grant
 * that crosses it is no grant. ABANDON is the RELEASE of a rank that leaves its job with the lock:
 * the next owner is told of a death. All messages are
 *
 * <pre>
 *   | kind (byte) | number of the request (long) | ... |
 *     GRANT:  | 1 if the owner before died (byte) |
 *     REPORT: the number is that of the request with which the rank holds the lock, or 0;
 *             | numbers of its waiting requests (longs) |
 * </pre>
 *
 * <p><b>When the keeper dies</b>, every rank sends a REPORT to the next, and from then on ignores
 * what the dead one may have sent. The new keeper starts when all living ranks have reported. If
 * none holds the lock, it may have been the dead one's: so the next owner is told of a death.
 *
 * <p><b>The end.</b> A rank that closes sends BYE to all, and DONE once it has BYE from all: after
 * DONE nothing more comes from a rank. A rank that has DONE from all stops receiving. So no send is
 * left without a receiver, which would block for ever where sends wait for receives.
 *
 * <p><b>Threads.</b> One receives and never sends; one sends ({@link MessageSender}). Both are
 * started by the thread that makes the lock, so they may call MPI wherever that may, and are never
 * interrupted. The state is guarded by a fair lock: a thread of the keeper's own rank that locks
 * and unlocks without a pause would else keep the receiving thread, and so the requests of all
 * ranks, out for long. Whatever a thread cannot go on after, an exhausted memory for example,
 * breaks the lock: threads that wait get an exception.
 */
final class LockService implements LockQueue.Answers {

  private static final Logger LOG = LoggerFactory.getLogger(LockService.class);

  private static final int TAG = 1;
  private static final long CLOSING_MILLIS = 5_000;

  private final Communicator communicator;
  private final int rank;
  private final MessageSender sender;

  private final ReentrantLock guard = new ReentrantLock(true);

  private final BitSet lost = new BitSet();
  private final BitSet bye = new BitSet();
  private final BitSet done = new BitSet();
  private final Map<Long, LockWaiter> waiting = new LinkedHashMap<>();

  /** This rank's request that holds the lock, or 0. */
  private long held;

  private long lastId;
  private int keeper;

  /** On the keeper, once it knows what the ranks have and want. */
  private LockQueue queue;

  private final Map<Integer, ByteBuffer> reports = new TreeMap<>();
  private final List<Message> deferred = new ArrayList<>();
  private volatile RuntimeException broken;

  /** Made beforehand. */
  private final RuntimeException exhausted =
      new CommunicatorException("The lock is broken: there was no memory to go on with it", null);

  private boolean closed;

  /** Removes {@link #leave} from the actions of a rank that leaves. */
  private Runnable removeAction = () -> {};

  /** On a duplicate of its own, which it closes. */
  LockService(Communicator communicator) {
    this.communicator = communicator;
    rank = communicator.rank();
    if (rank == keeper) {
      queue = new LockQueue(this);
    }
    sender = new MessageSender(communicator, TAG, "mpipool-lock-sender", this::breakDown);
    if (communicator.size() > 1) {
      Thread listener = new Thread(this::listen, "mpipool-lock");
      listener.setDaemon(true);
      sender.start();
      listener.start();
      communicator.onRankLost(this::lost);
      MessageChannel channel = MessageChannels.of(communicator);
      channel.markServed();
      removeAction = channel.onLeaving(this::leave);
    }
  }

  /** Asks for the lock. */
  LockWaiter request(boolean immediate) {
    guard.lock();
    try {
      check();
      LockWaiter waiter = new LockWaiter(++lastId, immediate);
      waiting.put(waiter.id, waiter);
      boolean posted = false;
      try {
        post(keeper, message(immediate ? TRY : REQUEST, waiter.id));
        posted = true;
      } finally {
        if (!posted) {
          waiting.remove(waiter.id);
        }
      }
      return waiter;
    } finally {
      guard.unlock();
    }
  }

  /** Takes a request back, unless it is decided: then it returns false. */
  boolean cancel(LockWaiter waiter) {
    guard.lock();
    try {
      if (waiter.isDecided()) {
        return false;
      }
      waiting.remove(waiter.id);
      post(keeper, message(CANCEL, waiter.id));
      return true;
    } finally {
      guard.unlock();
    }
  }

  void release(LockWaiter waiter) {
    guard.lock();
    try {
      if (held == waiter.id) {
        ByteBuffer release = message(RELEASE, waiter.id);
        held = 0;
        postSurely(keeper, release);
      }
    } finally {
      guard.unlock();
    }
  }

  /** Others wait for what is said here. */
  private void postSurely(int destination, ByteBuffer message) {
    long pause = 0;
    while (true) {
      try {
        post(destination, message);
        return;
      } catch (OutOfMemoryError e) {
        if (destination == rank) {
          breakDown(exhausted); // it may have been handled in part
          return;
        }
        pause = Memory.pause(pause);
      }
    }
  }

  /** Tells the others; waits a moment for them to close as well, and leaves the rest to threads. */
  void close() {
    if (!end(RELEASE, "The lock is closed")) {
      return;
    }
    if (communicator.size() == 1) {
      communicator.close();
    } else if (broken == null) {
      sender.awaitEnd(CLOSING_MILLIS);
    }
  }

  /** This rank leaves its job and has not closed the lock, for which others may wait. */
  private void leave() {
    try {
      end(ABANDON, "This rank has left its job, and the lock with it");
    } catch (OutOfMemoryError e) {
      breakDown((Throwable) exhausted);
    }
  }

  /** Releases the lock and cancels the requests of this rank; returns false the second time. */
  private boolean end(byte release, String reason) {
    guard.lock();
    try {
      if (closed) {
        return false;
      }
      closed = true;
      removeAction.run();
      List<Long> ids = new ArrayList<>(waiting.keySet());
      failWaiting(new IllegalStateException(reason));
      ids.forEach(id -> post(keeper, message(CANCEL, id)));
      if (held != 0) {
        post(keeper, message(release, held));
        held = 0;
      }
      postToOthers(BYE);
      lookAround();
      return true;
    } finally {
      guard.unlock();
    }
  }

  @Override
  public void grant(LockQueue.Request request, boolean ownerDied) {
    post(request.rank(), LockMessages.grant(request.id(), ownerDied));
  }

  @Override
  public void refuse(LockQueue.Request request) {
    post(request.rank(), message(REFUSE, request.id()));
  }

  private void check() {
    checkOpen();
    if (broken != null) {
      throw broken;
    }
  }

  void checkOpen() {
    if (isClosed()) {
      throw new IllegalStateException("The lock is closed");
    }
  }

  boolean isClosed() {
    guard.lock();
    try {
      return closed;
    } finally {
      guard.unlock();
    }
  }

  private void handle(int source, ByteBuffer message) {
    guard.lock();
    try {
      byte kind = message.get(0);
      switch (kind) {
        case REQUEST, TRY, CANCEL, RELEASE, ABANDON -> handleAsKeeper(source, message);
        case GRANT, REFUSE -> {
          if (source == keeper) {
            answered(message);
          }
        }
        case REPORT -> {
          reports.put(source, message);
          startKeeping();
        }
        case BYE -> bye.set(source);
        case DONE -> done.set(source);
        default -> LOG.trace("Woken");
      }
      lookAround();
    } finally {
      guard.unlock();
    }
  }

  private void handleAsKeeper(int source, ByteBuffer message) {
    if (queue == null) {
      deferred.add(new Message(source, TAG, message));
      return;
    }
    LockQueue.Request request = new LockQueue.Request(source, message.getLong(ID_AT));
    switch (message.get(0)) {
      case REQUEST -> queue.request(request);
      case TRY -> queue.tryRequest(request);
      case CANCEL -> queue.cancel(request);
      case ABANDON -> queue.lost(source);
      default -> queue.release(request);
    }
  }

  private void answered(ByteBuffer message) {
    LockWaiter waiter = waiting.remove(message.getLong(ID_AT));
    if (waiter == null) {
      return; // cancelled
    }
    if (message.get(0) == REFUSE) {
      waiter.decide(LockWaiter.Outcome.REFUSED);
    } else {
      held = waiter.id;
      waiter.decide(
          LockMessages.ownerDied(message)
              ? LockWaiter.Outcome.GRANTED_BY_DEATH
              : LockWaiter.Outcome.GRANTED);
    }
  }

  private void lost(int dead, String reason) {
    Memory.lock(guard);
    try {
      handleLoss(dead, reason);
    } catch (OutOfMemoryError e) {
      breakDown(exhausted);
    } finally {
      guard.unlock();
    }
  }

  private void handleLoss(int dead, String reason) {
    if (lost.get(dead)) {
      return;
    }
    lost.set(dead);
    if (!communicator.failureModel().othersSurvive()) {
      breakDown(new RankLostException(dead, "Rank %d is lost: %s".formatted(dead, reason), null));
      return;
    }
    if (dead == keeper) {
      keeper = lost.nextClearBit(0);
      report();
    } else if (queue != null) {
      queue.lost(dead);
    }
    startKeeping();
    lookAround();
    wakeListener();
  }

  private void report() {
    for (Iterator<LockWaiter> i = waiting.values().iterator(); i.hasNext(); ) {
      LockWaiter waiter = i.next();
      if (waiter.immediate) {
        i.remove();
        waiter.decide(LockWaiter.Outcome.REFUSED);
      }
    }
    post(keeper, LockMessages.report(held, waiting.keySet()));
  }

  /** Begins to keep the queue, if this is the keeper and all living ranks have reported. */
  private void startKeeping() {
    if (keeper != rank || queue != null || !others(lost).allMatch(reports::containsKey)) {
      return;
    }
    LockQueue.Request holder = null;
    List<LockQueue.Request> requests = new ArrayList<>();
    for (Map.Entry<Integer, ByteBuffer> report : reports.entrySet()) {
      int reporter = report.getKey();
      if (!lost.get(reporter)) {
        ByteBuffer rest = report.getValue().position(1);
        long holds = rest.getLong();
        holder = holds == 0 ? holder : new LockQueue.Request(reporter, holds);
        while (rest.hasRemaining()) {
          requests.add(new LockQueue.Request(reporter, rest.getLong()));
        }
      }
    }
    queue = new LockQueue(this);
    queue.restore(holder, requests, holder == null);
    List.copyOf(deferred).forEach(message -> handleAsKeeper(message.source(), message.data()));
    deferred.clear();
  }

  /** Sends DONE when all have closed; then no other rank may be left to wake the listener. */
  private void lookAround() {
    if (closed && !done.get(rank) && others(lost).allMatch(bye::get)) {
      done.set(rank);
      postToOthers(DONE);
      wakeListener();
    }
  }

  private void wakeListener() {
    sender.post(rank, message(LOOK_AROUND, 0));
  }

  private boolean isOver() {
    guard.lock();
    try {
      return broken != null || (done.get(rank) && others(lost).allMatch(done::get));
    } finally {
      guard.unlock();
    }
  }

  /** The other ranks that are not in a set. */
  private IntStream others(BitSet without) {
    return IntStream.range(0, communicator.size()).filter(i -> i != rank && !without.get(i));
  }

  private void postToOthers(byte kind) {
    others(lost).forEach(other -> post(other, message(kind, 0)));
  }

  /** To this rank itself at once, to others through the sender. */
  private void post(int destination, ByteBuffer message) {
    if (destination == rank) {
      handle(rank, message);
    } else if (!lost.get(destination)) {
      sender.post(destination, message);
    }
  }

  private void breakDown(RuntimeException e) {
    if (broken == null) {
      broken = e;
      Memory.persist(() -> failWaiting(e));
      sender.end();
    }
  }

  private void breakDown(Throwable e) {
    Memory.lock(guard);
    try {
      breakDown(e instanceof RuntimeException known ? known : exhausted);
    } finally {
      guard.unlock();
    }
  }

  private void failWaiting(RuntimeException e) {
    waiting.values().forEach(waiter -> waiter.fail(e));
    waiting.clear();
  }

  private void listen() {
    try {
      while (!isOver()) {
        Message message = receive();
        handle(message.source(), message.data());
      }
    } catch (RankLostException e) {
      LOG.debug("All others are lost", e);
      closeAlone();
    } catch (Throwable e) {
      breakDown(e);
    }
    removeAction.run();
    sender.end();
  }

  private Message receive() {
    long pause = 0;
    while (true) {
      try {
        return communicator.receive(Communicator.ANY_SOURCE, TAG);
      } catch (OutOfMemoryError e) { // then the message is still there
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /** With all others lost there is no rank to listen to; the queue is this rank's own. */
  private void closeAlone() {
    guard.lock();
    try {
      others(lost).forEach(other -> lost(other, "nothing comes from it"));
    } finally {
      guard.unlock();
    }
  }
}
