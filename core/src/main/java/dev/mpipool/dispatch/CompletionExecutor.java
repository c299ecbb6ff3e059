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
 * Completes futures, and so runs the users' callbacks, away from the thread that receives.
 *
 * <p>One thread, the leader, takes items in order. A callback can block, even for ever, even on a
 * future whose answer stands behind it in the queue; so when an item has taken 10 ms while others
 * wait, a second thread, the standby, becomes the leader and goes on with the next. The old leader,
 * when its callback returns, is the new standby, or ends if there is one. While the queue is empty
 * nobody wakes up, and as long as no callback blocks there is just one thread.
 *
 * <p>While the queue is empty the leader receives, if the {@link ReceiveLoop} wants somebody: what
 * comes is then completed by the thread that received it. If another thread adds items meanwhile,
 * the standby leads.
 *
 * <p>No thread of it ends by an exception. What cannot be completed as it should be, for want of
 * memory perhaps, fails with that. A thread that cannot be started is missed only while a callback
 * blocks; it is tried again with the next item, and whenever {@link #look} is called.
 */
final class CompletionExecutor {

  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final Logger LOG = LoggerFactory.getLogger(CompletionExecutor.class);

  /** A future, and what will complete it. */
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

    /** Whatever else goes wrong, the future is done after this. */
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
        // there is no memory to tell it; the future does
      }
    }

    /** What depends on the future may have run in part before; the rest does now. */
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

  /** Those that have not ended. */
  private final List<CompletionThread> threads = new ArrayList<>();

  /**
   * Those of the rank's own thread that made the pool: a timer's thread may be the first to add.
   */
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

  /** Where the leader receives; null for nowhere. */
  private ReceiveLoop reception;

  /** The thread that receives meanwhile, or null. */
  private CompletionThread receiver;

  private CompletionThread leader;
  private CompletionThread standby;

  /** When the leader began with its item; changes with every item. */
  private long itemStart;

  private boolean standbyDozes;
  private boolean closed;
  private int threadsMade;

  private final class CompletionThread extends Thread {

    /** What it is at, or null. */
    private Item item;

    CompletionThread(String name) {
      super(group, name);
    }

    @Override
    public void run() {
      work(this);
    }
  }

  /** Sees to it that so many items can be added without any memory, if nobody else adds some. */
  void ensureRoom(int more) {
    lock.lock();
    try {
      queue.ensureRoom(more);
    } finally {
      lock.unlock();
    }
  }

  /** Fails a future. What it fails with may be set later. */
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

  /** For items that are nowhere else: returns only when it has them. */
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

  /** Looks whether a thread is missing that could not be started when it was needed. */
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

  /** Has the leader receive while it has nothing else to do, from now on. */
  void receiveAt(ReceiveLoop place) {
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
      while (!isAtRest()) {
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

  /** Null if there is no memory for a thread, or there may be no more threads. */
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
        } catch (Throwable e) { // of a wait, for example
          pause = recover(me, pause);
        }
      }
    } finally {
      threads.remove(me);
      lock.unlock();
    }
  }

  /** Returns whether there is more to do for this thread. */
  private boolean step(CompletionThread me) {
    if (!awaitLead(me)) {
      return false;
    }
    Item item = awaitItem(me);
    if (item == null) {
      if (leader == me) {
        leader = null; // what comes later all the same, finds a new one
        return false;
      }
      return true; // another leads, while this thread was receiving
    }
    if (!queue.isEmpty()) {
      haveLeaderWatched();
    }
    run(me, item);
    return true;
  }

  /** A step has failed; with the lock held or not. The thread looks anew where it stands. */
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

  /** Waits as the standby until this thread leads; false if it is needed no more. */
  private boolean awaitLead(CompletionThread me) {
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

  /** The caller looks again, whatever has happened. */
  @SuppressWarnings("WaitNotInLoop")
  private void awaitWork() {
    if (reception == null) {
      work.awaitUninterruptibly();
      return;
    }
    reception.beginIdle();
    try {
      work.awaitUninterruptibly();
    } finally {
      reception.endIdle();
    }
  }

  /** Releases the lock while receiving. Returns false at once if another thread receives. */
  private boolean receive(CompletionThread me) {
    if (reception == null) {
      return false;
    }
    receiver = me;
    lock.unlock();
    try {
      return reception.receive();
    } finally {
      Memory.lock(lock);
      if (receiver == me) { // else another leads, and receives already
        receiver = null;
      }
    }
  }

  private void run(CompletionThread me, Item item) {
    me.item = item;
    itemStart = System.nanoTime();
    lock.unlock();
    try {
      item.completeOrFail();
    } finally {
      Thread.interrupted(); // a callback's own business, ended with it
      Memory.lock(lock);
      me.item = null;
      if (closed) {
        rest.signalAll();
      }
    }
  }
}
