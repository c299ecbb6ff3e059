package dev.mpipool.dispatch;

import dev.mpipool.wire.Reception;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes futures, and so runs the users' callbacks, away from the thread that receives.
 *
 * <p>One thread, the leader, takes items in order. A callback can block, even for ever, even on a
 * future whose answer stands behind it in the queue; so when an item has taken 10 ms while others
 * wait, a second thread, the standby, becomes the leader and goes on with the next. The old leader,
 * when its callback returns, is the new standby, or ends if there is one. While the queue is empty
 * nobody wakes up, and as long as no callback blocks there is just one thread.
 *
 * <p>While the queue is empty the leader receives, if the {@link Reception} wants somebody: what
 * comes is then completed by the thread that received it. If another thread adds items meanwhile,
 * the standby leads.
 */
final class CompletionRelay {

  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final Logger LOG = LoggerFactory.getLogger(CompletionRelay.class);

  /** A future, and what will complete it. */
  record Item(CompletableFuture<?> future, Runnable completion) {
    void fail(Throwable failure) {
      if (future instanceof TaskFuture<?> task) {
        task.fail(failure);
      } else {
        future.completeExceptionally(failure);
      }
    }

    CompletableFuture<?> settled() {
      return future instanceof TaskFuture<?> task ? task.settled() : future;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition watch = lock.newCondition();
  private final Condition rest = lock.newCondition();
  private final ArrayDeque<Item> queue = new ArrayDeque<>();

  /** Those that have not ended. */
  private final List<RelayThread> threads = new ArrayList<>();

  /**
   * Those of the rank's own thread that made the pool: a timer's thread may be the first to add.
   */
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

  /** Where the leader receives; null for nowhere. */
  private Reception reception;

  /** The thread that receives meanwhile, or null. */
  private RelayThread receiver;

  private RelayThread leader;
  private RelayThread standby;

  /** When the leader began with its item; changes with every item. */
  private long itemStart;

  private boolean standbyDozes;
  private boolean closed;
  private int threadsMade;

  private final class RelayThread extends Thread {

    /** What it is at, or null. */
    private Item item;

    RelayThread(String name) {
      super(group, name);
    }

    @Override
    public void run() {
      relay(this);
    }
  }

  void add(Collection<Item> items) {
    if (items.isEmpty()) {
      return;
    }
    lock.lock();
    try {
      queue.addAll(items);
      if (leader == null) {
        leadAnew();
      } else if (leader == receiver) {
        if (Thread.currentThread() != receiver) {
          leader = null;
          leadAnew();
        }
      } else if (leader.item == null) {
        work.signal();
      } else {
        haveLeaderWatched();
      }
    } finally {
      lock.unlock();
    }
  }

  private void leadAnew() {
    if (standby == null) {
      leader = start();
    } else {
      watch.signal();
    }
  }

  /** Has the leader receive while it has nothing else to do, from now on. */
  void receiveAt(Reception place) {
    lock.lock();
    try {
      reception = place;
    } finally {
      lock.unlock();
    }
  }

  /** Lets the threads end when the queue is empty. */
  void close() {
    lock.lock();
    try {
      closed = true;
      work.signalAll();
      watch.signalAll();
      rest.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** A future that is done when all futures that were added before this call are. */
  CompletableFuture<Void> allAddedDone() {
    lock.lock();
    try {
      List<CompletableFuture<?>> undone = new ArrayList<>();
      queue.forEach(item -> undone.add(item.settled()));
      threads.stream()
          .filter(thread -> thread.item != null)
          .forEach(thread -> undone.add(thread.item.settled()));
      return CompletableFuture.allOf(undone.toArray(CompletableFuture[]::new))
          .handle((done, failure) -> null);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until nothing is queued and no callback runs. */
  void awaitRest() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!queue.isEmpty() || threads.stream().anyMatch(thread -> thread.item != null)) {
        rest.await();
      }
    } finally {
      lock.unlock();
    }
  }

  private void haveLeaderWatched() {
    if (standby == null) {
      standby = start();
    } else if (standbyDozes) {
      watch.signal();
    }
  }

  private RelayThread start() {
    RelayThread thread = new RelayThread("mpipool-callbacks-" + threadsMade++);
    threads.add(thread);
    thread.setContextClassLoader(loader);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void relay(RelayThread me) {
    lock.lock();
    try {
      while (awaitLead(me)) {
        Item item = awaitItem(me);
        if (item == null) {
          if (leader == me) {
            leader = null; // what comes later all the same, finds a new one
            return;
          }
          continue; // another leads, while this thread was receiving
        }
        if (!queue.isEmpty()) {
          haveLeaderWatched();
        }
        run(me, item);
      }
    } finally {
      threads.remove(me);
      lock.unlock();
    }
  }

  /** Waits as the standby until this thread leads; false if it is needed no more. */
  private boolean awaitLead(RelayThread me) {
    if (leader == null) {
      leader = me;
    }
    if (leader == me) {
      if (standby == me) { // it was started as that, and has found none to stand by
        standby = null;
      }
      return true;
    }
    if (standby != null && standby != me) {
      return false; // this thread was replaced while its callback blocked
    }
    standby = me;
    while (!(closed && queue.isEmpty())) {
      if (leader == null && !queue.isEmpty()) {
        leader = me;
        standby = null;
        return true;
      } else if (queue.isEmpty() || leader == null || leader.item == null) {
        standbyDozes = true;
        watch.awaitUninterruptibly();
        standbyDozes = false;
      } else if (System.nanoTime() - itemStart >= PATIENCE_NANOS) {
        leader = me;
        standby = null;
        return true;
      } else {
        awaitPatiently();
      }
    }
    standby = null;
    return false;
  }

  /** Until the leader's time is up, or something has changed; the caller looks again. */
  @SuppressWarnings("WaitNotInLoop")
  private void awaitPatiently() {
    try {
      watch.awaitNanos(PATIENCE_NANOS - (System.nanoTime() - itemStart));
    } catch (InterruptedException e) {
      // nobody may interrupt these threads; having noticed it, look again
    }
  }

  /** The next item; null if there is none and never will be, or this thread leads no more. */
  private Item awaitItem(RelayThread me) {
    while (queue.isEmpty()) {
      if (closed) {
        watch.signalAll();
        return null;
      }
      boolean received = receive(me);
      if (leader != me) {
        return null;
      }
      if (!received && queue.isEmpty() && !closed) {
        awaitWork();
      }
    }
    return queue.poll();
  }

  /** The caller looks again, whatever has happened. */
  @SuppressWarnings("WaitNotInLoop")
  private void awaitWork() {
    if (reception != null) {
      reception.beginIdle();
    }
    work.awaitUninterruptibly();
    if (reception != null) {
      reception.endIdle();
    }
  }

  /** With the lock given up meanwhile; false if nobody is wanted there. */
  private boolean receive(RelayThread me) {
    if (reception == null) {
      return false;
    }
    receiver = me;
    lock.unlock();
    try {
      return reception.receive();
    } finally {
      lock.lock();
      if (receiver == me) { // else another leads, and receives already
        receiver = null;
      }
    }
  }

  private void run(RelayThread me, Item item) {
    me.item = item;
    itemStart = System.nanoTime();
    lock.unlock();
    try {
      item.completion.run();
    } catch (Throwable e) {
      LOG.error("A future could not be completed", e);
      item.fail(e);
    } finally {
      Thread.interrupted(); // a callback's own business, ended with it
      lock.lock();
      me.item = null;
      if (closed) {
        rest.signalAll();
      }
    }
  }
}
