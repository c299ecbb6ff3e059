package dev.mpipool.worker;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.wire.DamagedFrameException;
import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.Frame;
import dev.mpipool.wire.FrameSender;
import dev.mpipool.wire.Serializer;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a worker does while the pool is open.
 *
 * <p>Three threads, all daemons: the listener receives and never waits for anything else; the task
 * thread runs one task after the other; the sender sends the answers. The thread that calls {@link
 * #run} only waits, so it may be interrupted or not, MPI does not notice.
 */
public final class WorkerLoop {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerLoop.class);

  /** How long the last answer may take; main is waiting for it. */
  private static final long LAST_ANSWER_MILLIS = 10_000;

  /** The listener's word to the task thread that nothing more comes. */
  private static final TaskRun NO_MORE = new TaskRun(0, null, null);

  private final Communicator communicator;
  private final int main;
  private final Serializer serializer;
  private final FrameSender sender;
  private final BlockingQueue<TaskRun> waiting = new LinkedBlockingQueue<>();
  private final Map<Long, TaskRun> held = new ConcurrentHashMap<>();
  private final CompletableFuture<Void> released = new CompletableFuture<>();

  /**
   * Creates the loop and starts its sender.
   *
   * @param communicator the pool's own
   * @param main the rank that sends the tasks
   * @param serializer for tasks and results
   */
  public WorkerLoop(Communicator communicator, int main, Serializer serializer) {
    this.communicator = communicator;
    this.main = main;
    this.serializer = serializer;
    this.sender =
        new FrameSender(
            communicator,
            "mpipool-sender",
            (rank, failure) -> leave("Main, rank %d, cannot be reached".formatted(rank), failure));
    communicator.onRankLost(this::rankLost);
  }

  /**
   * Serves until main releases this worker.
   *
   * @throws MainLostException if main ended or was lost without releasing it
   */
  public void run() throws MainLostException {
    start("mpipool-listener", this::listen);
    Thread taskThread = start("mpipool-task", this::runTasks);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          released.get();
          return;
        } catch (InterruptedException e) {
          interrupted = true; // only main can release a worker
        } catch (ExecutionException e) {
          throw new MainLostException(e.getCause().getMessage(), e.getCause().getCause());
        }
      }
    } finally {
      waiting.add(NO_MORE);
      taskThread.interrupt();
      sender.close();
      if (!released.isCompletedExceptionally()) {
        sender.awaitEnd(LAST_ANSWER_MILLIS);
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Thread start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void listen() {
    while (!released.isDone()) {
      try {
        Message message = communicator.receive(main, Communicator.ANY_TAG);
        Frame.decode(message.data()).forEach(this::take);
      } catch (DamagedFrameException e) {
        LOG.warn("A message from rank {} is dropped: {}", main, e.getMessage());
      } catch (Throwable e) { // a task may be lost, for example to an exhausted memory
        leave("Nothing can be received from main any more", e);
      }
    }
  }

  private void take(Entry entry) {
    switch (entry.kind()) {
      case TASK -> {
        TaskRun run = new TaskRun(entry.id(), entry.body(), serializer);
        held.put(entry.id(), run);
        waiting.add(run);
      }
      case CANCEL -> cancel(entry);
      case RELEASE -> {
        sender.post(main, new Entry(EntryKind.GONE, 0));
        released.complete(null);
      }
      case ABANDON -> leave("Main ended without closing the pool", null);
      default -> LOG.warn("Main sent a {}, which only workers may", entry.kind());
    }
  }

  private void cancel(Entry entry) {
    TaskRun run = held.get(entry.id());
    ByteBuffer body = entry.body();
    boolean interrupt = body.hasRemaining() && body.get(body.position()) != 0;
    if (run != null && run.cancel(interrupt) && waiting.remove(run)) {
      answer(run, new Entry(EntryKind.DROPPED, entry.id()));
    }
  }

  private void runTasks() {
    TaskContext.enter(communicator.rank());
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    while (!released.isDone()) {
      try {
        TaskRun run = waiting.take();
        if (run != NO_MORE) {
          answer(run, run.run());
        }
        Thread.currentThread().setContextClassLoader(loader);
      } catch (InterruptedException e) {
        // meant for a task that has ended, or the end of the loop
      }
    }
  }

  private void answer(TaskRun run, Entry answer) {
    held.remove(run.id());
    sender.post(main, answer);
  }

  private void rankLost(int rank, String reason) {
    if (rank == main) {
      leave("Main, rank %d, was lost: %s".formatted(rank, reason), null);
    } else if (!communicator.survivesLostRanks()) {
      leave(
          "Rank %d was lost, and the ranks cannot go on without it: %s".formatted(rank, reason),
          null);
    }
  }

  private void leave(String why, Throwable cause) {
    released.completeExceptionally(new IllegalStateException(why, cause));
  }
}
