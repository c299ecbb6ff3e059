package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.ReceiveLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes futures, and thereby runs users' callbacks, in threads of its own.
 *
 * <p>One thread, the leader, takes items in order. A callback may block for ever, even on a future
 * that is completed by a later item. So when a second thread, the standby, has seen the leader at
 * the same item for 10 ms while others wait, it becomes the leader and continues with the next
 * item. When its callback returns, the former leader becomes the standby, or ends if there is one.
 * No thread wakes up while the queue is empty.
 *
 * <p>While the queue is empty, the leader takes the receiver role if the {@link ReceiveLoop} has it
 * to give, and so completes the futures of the answers it receives. If another thread adds items in
 * the meantime, the standby becomes the leader.
 *
 * <p>No exception ends a thread. An item whose completion throws fails its future with that
 * exception. Starting a thread, if it failed, is retried with the next item and at each {@link
 * #look}.
 */
final class CompletionExecutor {

  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final Logger LOG = LoggerFactory.getLogger(CompletionExecutor.class);

  /** A future and the action that completes it. */
  static class Item {
    private final CompletableFuture<?> future;

    /** Null where {@link #complete} is overridden. */
    private final Runnable completion;

    Item(CompletableFuture<?> future, Runnable completion) {
      this.future = future;
      this.completion = completion;
    }

    void complete() {
      completion.run();
    }

    /** Completes the future, with a failure if the completion throws. */
    private void completeOrFail() {
      try {
        complete();
      } catch (Throwable e) {
        tell(e);
        failSurely(e);
      }
    }

    private static void tell(Throwable e) {
      try {
        LOG.error("A future could not be completed", e);
      } catch (Throwable another) {
        // no memory to log it; the future has the failure
      }
    }

    /** Fails the future, and retries without memory. Runs the dependents that have not run yet. */
    private void failSurely(Throwable failure) {
      long pause = 0;
      while (true) {
        try {
          if (future instanceof TaskFuture<?> task) {
            task.fail(failure);
          } else {
            future.completeExceptionally(failure);
          }
          return;
        } catch (OutOfMemoryError e) {
          pause = Memory.pause(pause);
        }
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
  private final Ring<Item> queue = new Ring<>();

  /** The threads that have not ended. */
  private final List<CompletionThread> threads = new ArrayList<>();

  /** Taken from the thread that made the pool: a timer's thread may be the first to add. */
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

  /** Where the leader may take the receiver role, or null. */
  private ReceiveLoop receiveLoop;

  /** The thread that is receiving, or null. */
  private CompletionThread receiver;

  private CompletionThread leader;
  private CompletionThread standby;

  private boolean standbyDozes;
  private boolean closed;
  private int threadsMade;

  private final class CompletionThread extends Thread {

    /** The item being completed, or null. */
    private Item item;

    CompletionThread(String name) {
      super(group, name);
    }

    @Override
    public void run() {
      work(this);
    }
  }

  /** Makes room, so that adding this many items allocates nothing if no others are added. */
  void ensureRoom(int more) {
    lock.lock();
    try {
      queue.ensureRoom(more);
    } finally {
      lock.unlock();
    }
  }

  /** Fails a future. The failure may be set until the item is added. */
  static final class Failing extends Item {
    private final TaskFuture<?> task;
    Throwable failure;

    Failing(TaskFuture<?> task, Throwable failure) {
      super(task, null);
      this.task = task;
      this.failure = failure;
    }

    @Override
    void complete() {
      task.fail(failure);
    }
  }

  void add(Item item) {
    Memory.lock(lock);
    try {
      queue.add(item);
      haveTaken();
    } finally {
      lock.unlock();
    }
  }

  /** Adds items that are stored nowhere else: retries until there is memory for all of them. */
  void add(List<Item> items) {
    if (items.isEmpty()) {
      return;
    }
    Memory.lock(lock);
    try {
      long pause = 0;
      while (!makesRoom(items.size())) {
        pause = Memory.pause(pause);
      }
      for (int i = 0; i < items.size(); i++) {
        queue.add(items.get(i));
      }
      haveTaken();
    } finally {
      lock.unlock();
    }
  }

  private boolean makesRoom(int more) {
    try {
      queue.ensureRoom(more);
      return true;
    } catch (OutOfMemoryError e) {
      return false;
    }
  }

  /** Starts a thread if one is needed and could not be started before. */
  void look() {
    lock.lock();
    try {
      if (!queue.isEmpty()) {
        haveTaken();
      }
    } finally {
      lock.unlock();
    }
  }

  private void haveTaken() {
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
  }

  private void leadAnew() {
    if (standby == null) {
      leader = start();
    } else {
      watch.signal();
    }
  }

  /** Lets the leader receive there while the queue is empty, from now on. */
  void receiveAt(ReceiveLoop place) {
    lock.lock();
    try {
      receiveLoop = place;
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

  /** Waits until this is closed, nothing is queued, and no callback runs. */
  void awaitRest() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!closed || !isAtRest()) {
        rest.await();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing is queued and no callback runs. */
  boolean isAtRest() {
    lock.lock();
    try {
      return queue.isEmpty() && threads.stream().allMatch(thread -> thread.item == null);
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

  /** Null if no thread can be started. */
  private CompletionThread start() {
    CompletionThread thread = null;
    try {
      thread = new CompletionThread("mpipool-callbacks-" + threadsMade);
      threads.add(thread);
      thread.setContextClassLoader(loader);
      thread.setDaemon(true);
      thread.start();
      threadsMade++;
      return thread;
    } catch (Throwable e) {
      threads.remove(thread);
      return null;
    }
  }

  private void work(CompletionThread me) {
    Memory.lock(lock);
    try {
      long pause = 0;
      boolean more = true;
      while (more) {
        try {
          more = step(me);
          pause = 0;
        } catch (Throwable e) { // from a wait, for example
          pause = recover(me, pause);
        }
      }
    } finally {
      threads.remove(me);
      lock.unlock();
    }
  }

  /** Returns false if this thread is to end. */
  private boolean step(CompletionThread me) {
    if (!awaitLead(me)) {
      return false;
    }
    Item item = awaitItem(me);
    if (item == null) {
      if (leader == me) {
        leader = null; // a later item starts a new one
        return false;
      }
      return true; // another thread became the leader
    }
    if (!queue.isEmpty()) {
      haveLeaderWatched();
    }
    run(me, item);
    return true;
  }

  /** Recovers from a failed step, with the lock held or not. Returns the pause in ns. */
  private long recover(CompletionThread me, long lastPause) {
    if (lock.isHeldByCurrentThread()) {
      lock.unlock();
    }
    long pause = Memory.pause(lastPause);
    Memory.lock(lock);
    if (receiver == me) {
      receiver = null;
    }
    if (standby == me) {
      standby = null;
      standbyDozes = false;
    }
    return pause;
  }

  /**
   * Waits as the standby until this thread is the leader; false if it is no longer needed. The
   * leader does not look at the clock itself: that would take longer than most items.
   */
  private boolean awaitLead(CompletionThread me) {
    if (leader == null) {
      leader = me;
    }
    if (leader == me) {
      standby = standby == me ? null : standby; // which it was, while there was no leader
      return true;
    }
    if (standby != null && standby != me) {
      return false; // this thread was replaced while its callback blocked
    }
    standby = me;
    Item watched = null; // what the leader was at when this thread last looked
    long since = 0;
    while (!(closed && queue.isEmpty())) {
      if (leader == null && !queue.isEmpty()) {
        leader = me;
        standby = null;
        return true;
      } else if (queue.isEmpty() || leader == null || leader.item == null) {
        watched = null;
        standbyDozes = true;
        watch.awaitUninterruptibly();
        standbyDozes = false;
      } else if (leader.item != watched) {
        watched = leader.item;
        since = System.nanoTime();
      } else if (System.nanoTime() - since >= PATIENCE_NANOS) {
        leader = me;
        standby = null;
        return true;
      } else {
        awaitPatiently(since);
      }
    }
    standby = null;
    return false;
  }

  /** Waits until the leader's time is up or the state may have changed; the caller checks again. */
  @SuppressWarnings("WaitNotInLoop")
  private void awaitPatiently(long since) {
    try {
      watch.awaitNanos(PATIENCE_NANOS - (System.nanoTime() - since));
    } catch (InterruptedException e) {
      // these threads do not react to interrupts; the caller checks again
    }
  }

  /** Waits for the next item; null if closed, or if this thread is no longer the leader. */
  private Item awaitItem(CompletionThread me) {
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

  /** May return for no reason; the caller checks again. */
  @SuppressWarnings("WaitNotInLoop")
  private void awaitWork() {
    if (receiveLoop == null) {
      work.awaitUninterruptibly();
      return;
    }
    receiveLoop.beginIdle();
    try {
      work.awaitUninterruptibly();
    } finally {
      receiveLoop.endIdle();
    }
  }

  /** Releases the lock while receiving. Returns false at once if another thread receives. */
  private boolean receive(CompletionThread me) {
    if (receiveLoop == null) {
      return false;
    }
    receiver = me;
    lock.unlock();
    try {
      return receiveLoop.receive();
    } finally {
      Memory.lock(lock);
      if (receiver == me) { // else another leader is receiving already
        receiver = null;
      }
    }
  }

  private void run(CompletionThread me, Item item) {
    me.item = item;
    lock.unlock();
    try {
      item.completeOrFail();
    } finally {
      Thread.interrupted(); // a callback's interrupt ends with the callback
      Memory.lock(lock);
      me.item = null;
      if (closed) {
        rest.signalAll();
      }
    }
  }
}
