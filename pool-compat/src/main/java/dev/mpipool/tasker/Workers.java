package dev.mpipool.tasker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.files.ResultReader;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.LeanSerializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The other ranks, on the root: assigns tasks to them and sends them the results. Used only by the
 * thread that calls map, so it needs no lock.
 */
final class Workers implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);

  private static final int RESULTS_BYTES = 1 << 20;

  private final Communicator communicator;
  private final LeanSerializer serializer;
  private final RootInbox inbox;
  private final Set<Integer> living = new TreeSet<>();

  /** The living workers that wait for a message of the root. */
  private final Set<Integer> waiting = new TreeSet<>();

  /** By rank: the task that a worker has. */
  private final Map<Integer, Integer> tasks = new HashMap<>();

  Workers(Communicator communicator, LeanSerializer serializer) {
    this.communicator = communicator;
    this.serializer = serializer;
    inbox = new RootInbox(communicator);
    IntStream.range(1, communicator.size()).forEach(living::add);
  }

  /** Has the workers run all tasks that are to be assigned. */
  void serve(TaskLedger ledger, Path file) {
    assignTasks(ledger);
    while (!ledger.isFinished() && !(ledger.isStuck() && tasks.isEmpty())) {
      if (living.isEmpty()) {
        throw new IllegalStateException(
            "All workers are lost. %d of %d results of %s are saved; the next run does the rest"
                .formatted(ledger.saved(), ledger.count(), file));
      }
      handleNext(ledger, file);
      assignTasks(ledger);
    }
  }

  private void assignTasks(TaskLedger ledger) {
    while (!waiting.isEmpty()) {
      int task = ledger.assign();
      if (task < 0) {
        return;
      }
      int rank = waiting.iterator().next();
      waiting.remove(rank);
      tasks.put(rank, task);
      try {
        send(rank, Messages.TASK, task, serializer.encode(ledger.argument(task)));
      } catch (RankLostException e) {
        lost(rank, e.getMessage(), ledger);
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException("The argument of task %d has changed".formatted(task), e);
      }
    }
  }

  private void send(int rank, int tag, int number, ByteBuffer bytes) {
    ByteBuffer message = ByteBuffer.allocate(Integer.BYTES + bytes.remaining());
    communicator.send(rank, tag, message.putInt(number).put(bytes).flip());
  }

  private void handleNext(TaskLedger ledger, Path file) {
    Message next;
    try {
      next = inbox.next();
    } catch (RankLostException e) { // none is left
      Set.copyOf(living).forEach(rank -> lost(rank, e.getMessage(), ledger));
      return;
    }
    handle(next, ledger, file);
  }

  /** Handles a message; without a ledger, results are dropped. */
  private void handle(Message message, TaskLedger ledger, Path file) {
    ByteBuffer data = message.data();
    int from = message.source();
    if (message.tag() == Messages.READY) {
      waiting.add(from);
      String theirs = UTF_8.decode(data).toString();
      if (!theirs.equals(file.toString())) {
        throw new IllegalStateException(
            "The ranks disagree: the root maps to %s, rank %d to %s".formatted(file, from, theirs));
      }
    } else if (message.tag() == Messages.LOST) {
      lost(data.getInt(), UTF_8.decode(data).toString(), ledger);
    } else {
      int task = data.getInt();
      tasks.remove(from);
      waiting.add(from);
      if (ledger != null && message.tag() == Messages.DONE) {
        ledger.done(task, data.slice());
      } else if (ledger != null) {
        ledger.failed(task, data.slice());
      }
    }
  }

  private void lost(int rank, String reason, TaskLedger ledger) {
    if (!living.remove(rank)) {
      return; // the loss has been reported in another way before
    }
    waiting.remove(rank);
    Integer task = tasks.remove(rank);
    if (task != null && ledger != null) {
      ledger.lost(task, rank, reason);
    }
  }

  private void awaitAll(TaskLedger ledger, Path file) {
    while (!waiting.containsAll(living)) {
      handleNext(ledger, file);
    }
  }

  /** Sends all results to all workers, in parts of about a megabyte. */
  void deliver(Path file) throws IOException {
    awaitAll(null, file);
    if (living.isEmpty()) {
      return;
    }
    ByteBuffer part = ByteBuffer.allocate(RESULTS_BYTES);
    try (ResultReader reader = new ResultReader(file)) {
      for (ResultReader.Entry each = reader.next(); each != null; each = reader.next()) {
        int length = each.result().remaining();
        if (part.remaining() < Integer.BYTES + length) {
          sendToAll(Messages.RESULTS, part.flip());
          part.clear();
        }
        if (part.remaining() < Integer.BYTES + length) {
          part = ByteBuffer.allocate(Integer.BYTES + length);
        }
        part.putInt(length).put(each.result());
      }
    }
    sendToAll(Messages.RESULTS, part.flip());
    sendToAll(Messages.END, ByteBuffer.allocate(0));
    waiting.clear();
  }

  /** Has map throw on all workers what it throws here; results that arrive meanwhile are saved. */
  void fail(Throwable problem, TaskLedger ledger, Path file) {
    while (!waiting.containsAll(living)) {
      try {
        awaitAll(ledger, file);
      } catch (IllegalStateException e) {
        LOG.debug("Another problem besides the one that is told", e);
      }
    }
    sendToAll(Messages.PROBLEM, FailureReport.of(Origin.TASK, problem, serializer).encode());
    waiting.clear();
  }

  private void sendToAll(int tag, ByteBuffer message) {
    for (int rank : Set.copyOf(living)) {
      try {
        communicator.send(rank, tag, message);
      } catch (RankLostException e) {
        lost(rank, e.getMessage(), null);
      }
    }
  }

  @Override
  public void close() {
    inbox.close();
  }
}
