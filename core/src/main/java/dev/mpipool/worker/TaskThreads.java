package dev.mpipool.worker;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.ReceiveLoop;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon threads that run a worker's tasks and answer main.
 *
 * <p>A task thread removes one task after the other from the {@link WorkerQueue}. The only task
 * thread also receives messages while the queue is empty, and a task thread that empties the queue
 * sends its answer itself; so a lone task costs no switch of threads.
 *
 * <p>A task thread ends only with the pool: an operation that fails for lack of memory is repeated.
 * There is no lock: the threads share the queue and the sender, which have their own, and the
 * counter and the flag below.
 */
final class TaskThreads {

  private static final Logger LOG = LoggerFactory.getLogger(TaskThreads.class);

  /**
   * The longest answer that a task thread sends itself: sending a longer one takes time in which
   * the thread can run a task. An array that would have to be copied first is sent in any case.
   */
  private static final int FLUSHED_BYTES = 16 << 10;

  private static final ByteBuffer UNREPORTABLE =
      new FailureReport(
              FailureReport.Origin.TASK,
              Error.class.getName(),
              "The task failed, and so did the report of it",
              null,
              null)
          .encode();

  private final int rank;
  private final String rankText;
  private final int main;
  private final boolean keepsAttachments;
  private final WorkerContext context;
  private final WorkerQueue queue;
  private final FrameSender sender;
  private final LongAdder busyNanos;
  private final BooleanSupplier over;

  private final AtomicInteger count = new AtomicInteger();
  private volatile boolean discarding;
  private volatile ReceiveLoop receiveLoop;

  /**
   * Prepares the threads; {@link #start} starts the first.
   *
   * @param communicator the pool's own
   * @param main the rank to which answers are sent
   * @param context for the tasks
   * @param queue from which the tasks come
   * @param sender of answers
   * @param busyNanos to which the threads add how long tasks have taken
   * @param over whether the worker has left the pool
   */
  TaskThreads(
      Communicator communicator,
      int main,
      WorkerContext context,
      WorkerQueue queue,
      FrameSender sender,
      LongAdder busyNanos,
      BooleanSupplier over) {
    this.rank = communicator.rank();
    this.rankText = Integer.toString(rank);
    this.main = main;
    this.keepsAttachments = MessageChannels.of(communicator).keepsAttachments();
    this.context = context;
    this.queue = queue;
    this.sender = sender;
    this.busyNanos = busyNanos;
    this.over = over;
  }

  /**
   * Starts the first thread.
   *
   * @param receiving what receives the messages for this worker
   */
  void start(ReceiveLoop receiving) {
    receiveLoop = receiving;
    startOne();
  }

  /** Starts threads until there are as many as main wants. With fewer, tasks wait longer. */
  void startUpTo(int wanted) {
    try {
      while (count.get() < wanted) {
        startOne();
      }
    } catch (OutOfMemoryError e) {
      LOG.warn("{} of {} task threads cannot be started", wanted - count.get(), wanted, e);
    }
  }

  private void startOne() {
    boolean started = false;
    try {
      Thread thread =
          new Thread(this::runTasks, "mpipool-" + rank + "-task-" + count.incrementAndGet());
      thread.setDaemon(true);
      thread.start();
      started = true;
    } finally {
      if (!started) {
        count.decrementAndGet();
      }
    }
  }

  /**
   * From now on tasks are removed from the queue without being run or answered. The caller reports
   * the reason to main, which fails them all.
   */
  void discardTasks() {
    discarding = true;
  }

  private void runTasks() {
    long pause = 0;
    boolean entered = false;
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    TaskRun run = null;
    long last = 0; // when the last task ended; 0 if this thread has waited or sent since
    while (!over.getAsBoolean()) {
      try {
        if (!entered) {
          TaskContext.enter(rank, context.shared());
          entered = true;
        }
        LogContext.enter(rankText);
        TaskRun next = queue.poll(run);
        if (next == null) {
          last = 0;
          next = awaitTask();
        }
        run = next;
        if (run == null) {
          return;
        }
        if (!discarding) {
          if (run instanceof GroupRun) {
            receiveLoop.fillRole(); // group members wait for each other's messages
          }
          long begin = last == 0 ? System.nanoTime() : last;
          Entry answer = answerOf(run);
          last = System.nanoTime();
          addBusy(last - begin);
          last = answerSurely(run, answer) ? 0 : last;
        }
        Thread.currentThread().setContextClassLoader(loader);
        pause = 0;
      } catch (InterruptedException e) {
        last = 0; // meant for a task that has ended
      } catch (Throwable e) { // from a wait, for example
        pause = Memory.pause(pause);
        last = 0;
      }
    }
  }

  /**
   * Waits for the next task: while receiving, if this is the only task thread and no other thread
   * receives, or else in the queue.
   *
   * @return null if no task is to be begun any more
   */
  private TaskRun awaitTask() throws InterruptedException {
    TaskRun run = null;
    while (run == null && count.get() == 1 && receiveLoop.receive()) {
      run = queue.poll(null);
    }
    if (run != null) {
      return run;
    }
    receiveLoop.beginIdle();
    try {
      return queue.take();
    } finally {
      receiveLoop.endIdle();
    }
  }

  private void addBusy(long nanos) {
    try {
      busyNanos.add(nanos);
    } catch (OutOfMemoryError e) {
      // main learns a little later how long tasks take
    }
  }

  private static Entry answerOf(TaskRun run) {
    try {
      return run.run();
    } catch (Throwable e) { // the report of a failure has failed, perhaps for lack of memory
      return unreportable(run.id());
    }
  }

  private static Entry unreportable(long id) {
    long pause = 0;
    while (true) {
      try {
        return new Entry(EntryKind.FAILURE, id, UNREPORTABLE.duplicate());
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private boolean answerSurely(TaskRun run, Entry answer) {
    long pause = 0;
    while (true) {
      try {
        return answer(run, answer);
      } catch (OutOfMemoryError e) { // then it was not posted
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Sends the answer in this thread if no task waits, or else leaves it to the sender's thread.
   *
   * @return whether this thread has sent, which can take long
   */
  private boolean answer(TaskRun run, Entry answer) {
    if (run.id() == 0 && answer.kind() != EntryKind.FAILURE) {
      return false; // the initializer, which answers only with a failure
    }
    boolean idle = queue.isEmpty();
    if (idle && answer.payload().isBorrowed() && keepsAttachments) {
      sender.send(main, answer);
      return true;
    }
    if (idle && answer.payload().length() <= FLUSHED_BYTES) {
      sender.postForFlush(main, answer);
      sender.flush();
      return true;
    }
    sender.post(main, run.kept(answer));
    return false;
  }
}
