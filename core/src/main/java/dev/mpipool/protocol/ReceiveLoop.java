package dev.mpipool.protocol;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The receiving side of a rank. One thread at a time has the receiver role.
 *
 * <p>Handing a message from a receiving thread to a thread that runs tasks takes as long as the
 * message itself. So a thread that runs users' code takes the receiver role while it has none to
 * run, and runs what it receives without a hand-over. Users' code may keep that thread for ever,
 * though. Hence the <i>fallback thread</i>, which never runs users' code: when the role has been
 * vacant for 1 ms, the fallback thread takes it until an idle thread is there again. It looks every
 * millisecond as long as messages arrive, and sleeps when none has arrived for a while.
 *
 * <p>On communicators that may not be called from any thread, the fallback thread keeps the role.
 *
 * <p>No exception ends receiving or the fallback thread unnoticed: the handler is informed, and
 * nothing more is received. While memory is short, the next message waits.
 */
public final class ReceiveLoop {

  /** How long the receiver role may stay vacant before the fallback thread takes it. */
  private static final long VACANCY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** How often the fallback thread looks in vain before it sleeps. */
  private static final int LOOKS_IN_VAIN = 20;

  /**
   * Handles messages. Called by one thread at a time, with no lock of this class held: it may wait
   * for locks that callers of this class hold.
   */
  public interface Handler {
    /**
     * A message has arrived.
     *
     * @param message any
     * @return whether it gives a thread something to run that had nothing
     */
    boolean handle(Message message);

    /**
     * A message has arrived for which there is no memory.
     *
     * @param message what is left of it
     * @return whether it gives a thread something to run that had nothing
     */
    boolean handleTooLong(MessageTooLongException message);

    /**
     * Nothing can be received any more, or a message could not be handled. Does not throw, whatever
     * memory there is.
     *
     * @param failure why
     */
    void failed(Throwable failure);

    /**
     * Whether nothing more is expected; asked before each message. Does not throw either.
     *
     * @return true from then on
     */
    boolean isOver();
  }

  private final MessageChannel channel;
  private final Handler handler;
  private final boolean anyThread;
  private final Thread fallback;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Whether a thread has the receiver role: it receives, or handles what it has received. */
  private boolean occupied;

  private long vacantSince;

  /** How many threads wait for something to run. */
  private int idle;

  private long received;
  private boolean asleep;
  private boolean over;

  /**
   * Starts the fallback thread, as a daemon.
   *
   * @param communicator to receive all messages of
   * @param threadName of the fallback thread
   * @param handler gets the messages
   */
  public ReceiveLoop(Communicator communicator, String threadName, Handler handler) {
    this.channel = MessageChannels.of(communicator);
    this.handler = handler;
    this.anyThread = channel.callableFromAnyThread();
    this.vacantSince = System.nanoTime() - VACANCY_NANOS;
    this.fallback = new Thread(this::fallBack, threadName);
    fallback.setDaemon(true);
    fallback.start();
  }

  /**
   * Receives one message, and has it handled in the calling thread, which has nothing else to do.
   *
   * @return false, at once, if another thread receives, or nothing more is expected
   */
  public boolean receive() {
    lock.lock();
    try {
      if (!anyThread || occupied || over) {
        return false;
      }
      occupied = true;
    } finally {
      lock.unlock();
    }
    try {
      receiveOne();
    } finally {
      leaveRole();
    }
    return true;
  }

  /** A thread for which {@link #receive} was false begins to wait for something to run. */
  public void beginIdle() {
    addIdle(1);
  }

  /** The wait that {@link #beginIdle} told of is over. */
  public void endIdle() {
    addIdle(-1);
  }

  private void addIdle(int change) {
    Memory.lock(lock);
    try {
      idle += change;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has the fallback thread take the role at once if it is vacant: the calling thread is about to
   * wait for a message.
   */
  public void fillRole() {
    Memory.lock(lock);
    try {
      if (!occupied) {
        vacantSince = System.nanoTime() - VACANCY_NANOS;
        changed.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the end of the fallback thread, which ends when nothing more is expected.
   *
   * @param millis how long at most
   * @return whether it has ended
   */
  public boolean awaitEnd(long millis) {
    return Uninterruptibles.join(fallback, millis);
  }

  /** With the lock held. */
  private void leave() {
    occupied = false;
    vacantSince = System.nanoTime();
    if (asleep || over) {
      changed.signal();
    }
  }

  /** Returns whether it gave an idle thread something to run. */
  private boolean receiveOne() {
    boolean gaveWork = false;
    Throwable failure = null;
    try {
      gaveWork = receiveAny();
    } catch (Throwable e) { // a message may be lost, for example to an exhausted memory
      failure = e;
      handler.failed(e);
    }
    boolean nothingMore = failure != null || handler.isOver();
    Memory.lock(lock);
    try {
      received++;
      over = nothingMore;
      return gaveWork;
    } finally {
      lock.unlock();
    }
  }

  private boolean receiveAny() {
    Message message;
    try {
      message = receiveWhenThereIsMemory();
    } catch (MessageTooLongException e) {
      return handler.handleTooLong(e);
    }
    return handler.handle(message);
  }

  private Message receiveWhenThereIsMemory() {
    long pause = 0;
    while (true) {
      try {
        return channel.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
      } catch (OutOfMemoryError e) { // then the message is still there
        if (!Memory.mayReturn(0)) {
          throw e;
        }
        pause = Memory.pause(pause);
      }
    }
  }

  private void fallBack() {
    long pause = 0;
    boolean more = true;
    while (more) {
      try {
        more = fallBackOnce();
        pause = 0;
      } catch (Throwable e) { // of a wait, for example: messages are looked after anew
        pause = Memory.pause(pause);
      }
    }
  }

  /** Returns whether more is expected. */
  private boolean fallBackOnce() {
    if (!awaitRole()) {
      return false;
    }
    boolean left = false;
    try {
      boolean gaveWork;
      do {
        gaveWork = receiveOne();
        left = handBack(gaveWork);
      } while (!left);
    } finally {
      if (!left) {
        leaveRole();
      }
    }
    return true;
  }

  private void leaveRole() {
    Memory.lock(lock);
    try {
      leave();
    } finally {
      lock.unlock();
    }
  }

  /** Whether another thread is there to receive, or nothing more is expected. */
  private boolean handBack(boolean gaveWork) {
    lock.lock();
    try {
      if (over || (anyThread && gaveWork && idle > 0)) {
        leave();
        return true;
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until the role has been vacant for too long, and takes it; false if nothing more is
   * expected.
   */
  private boolean awaitRole() {
    int inVain = 0;
    long seen = -1;
    lock.lock();
    try {
      while (!over) {
        long rest = VACANCY_NANOS - (System.nanoTime() - vacantSince);
        if (!occupied && rest <= 0) {
          occupied = true;
          return true;
        }
        inVain = occupied && received == seen ? inVain + 1 : 0;
        seen = received;
        if (inVain > LOOKS_IN_VAIN) {
          sleep();
          inVain = 0;
        } else {
          doze(occupied ? VACANCY_NANOS : rest);
        }
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** The caller looks again, whatever has happened. */
  @SuppressWarnings("WaitNotInLoop")
  private void sleep() {
    asleep = true;
    try {
      changed.awaitUninterruptibly();
    } finally {
      asleep = false;
    }
  }

  /** The caller looks again, whatever has happened. */
  @SuppressWarnings("WaitNotInLoop")
  private void doze(long nanos) {
    try {
      changed.awaitNanos(nanos);
    } catch (InterruptedException e) {
      // this thread is not to be interrupted; look again
    }
  }
}
