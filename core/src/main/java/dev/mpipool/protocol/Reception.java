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
 * The receiving side of a rank, at which its threads take turns.
 *
 * <p>To hand a message from a thread that receives to a thread that runs what came takes as long as
 * the message itself. So a thread that runs users' code receives while it has none to run, and what
 * comes for it needs no hand-over. It may be kept by that code for ever, though. So there is a
 * <i>stand-in</i>, a thread that never runs users' code: when nobody has been receiving for 1 ms,
 * it does, until a thread with nothing to run is there again. It looks every millisecond as long as
 * messages come, and sleeps when none has come for a while.
 *
 * <p>On communicators that may not be called from just any thread the stand-in does it all.
 *
 * <p>Neither receiving nor the stand-in ends by an exception unnoticed: the handler is told, and
 * nothing more is received. While memory is short, the next message waits.
 */
public final class Reception {

  /** How long nobody may be receiving. */
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** So often the stand-in looks in vain before it sleeps. */
  private static final int LOOKS_IN_VAIN = 20;

  /**
   * What is done with messages. Called by one thread at a time, with no lock held: it may wait for
   * locks of those who call this class with theirs held.
   */
  public interface Handler {
    /**
     * A message has come.
     *
     * @param message any
     * @return whether it gives a thread something to run that had nothing
     */
    boolean take(Message message);

    /**
     * A message has come that there is no memory for.
     *
     * @param message what is left of it
     * @return whether it gives a thread something to run that had nothing
     */
    boolean takeCut(MessageTooLongException message);

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
  private final boolean inTurns;
  private final Thread standIn;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Whether a thread receives, or handles what it has received. */
  private boolean attended;

  private long unattendedSince;

  /** How many threads have nothing to run and wait for something. */
  private int idle;

  private long received;
  private boolean asleep;
  private boolean over;

  /**
   * Starts the stand-in, as a daemon.
   *
   * @param communicator to receive on, whatever comes
   * @param threadName of the stand-in
   * @param handler gets the messages
   */
  public Reception(Communicator communicator, String threadName, Handler handler) {
    this.channel = MessageChannels.of(communicator);
    this.handler = handler;
    this.inTurns = channel.callableFromAnyThread();
    this.unattendedSince = System.nanoTime() - PATIENCE_NANOS;
    this.standIn = new Thread(this::standIn, threadName);
    standIn.setDaemon(true);
    standIn.start();
  }

  /**
   * Receives one message, and has it handled in the calling thread, which has nothing else to do.
   *
   * @return false, at once, if another thread receives, or nothing more is expected
   */
  public boolean receive() {
    lock.lock();
    try {
      if (!inTurns || attended || over) {
        return false;
      }
      attended = true;
    } finally {
      lock.unlock();
    }
    try {
      receiveOne();
    } finally {
      giveUpTurn();
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

  /** The calling thread is going to wait for messages, too: if nobody receives, let it be now. */
  public void haveAttended() {
    Memory.lock(lock);
    try {
      if (!attended) {
        unattendedSince = System.nanoTime() - PATIENCE_NANOS;
        changed.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the stand-in's end, which comes when nothing more is expected.
   *
   * @param millis how long at most
   * @return whether it has ended
   */
  public boolean awaitEnd(long millis) {
    return Uninterruptibles.join(standIn, millis);
  }

  /** With the lock held. */
  private void leave() {
    attended = false;
    unattendedSince = System.nanoTime();
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
      return handler.takeCut(e);
    }
    return handler.take(message);
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

  private void standIn() {
    long pause = 0;
    boolean more = true;
    while (more) {
      try {
        more = standInOnce();
        pause = 0;
      } catch (Throwable e) { // of a wait, for example: messages are looked after anew
        pause = Memory.pause(pause);
      }
    }
  }

  /** Returns whether more is expected. */
  private boolean standInOnce() {
    if (!awaitTurn()) {
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
        giveUpTurn();
      }
    }
    return true;
  }

  private void giveUpTurn() {
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
      if (over || (inTurns && gaveWork && idle > 0)) {
        leave();
        return true;
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until nobody has been receiving for too long; false if nothing more is expected. */
  private boolean awaitTurn() {
    int inVain = 0;
    long seen = -1;
    lock.lock();
    try {
      while (!over) {
        long rest = PATIENCE_NANOS - (System.nanoTime() - unattendedSince);
        if (!attended && rest <= 0) {
          attended = true;
          return true;
        }
        inVain = attended && received == seen ? inVain + 1 : 0;
        seen = received;
        if (inVain > LOOKS_IN_VAIN) {
          sleep();
          inVain = 0;
        } else {
          doze(attended ? PATIENCE_NANOS : rest);
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
      // nobody may interrupt this thread; having noticed it, look again
    }
  }
}
