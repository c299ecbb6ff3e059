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

/** The other ranks, as the root sees them. Used by the thread that calls map. */
final class Workers implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);

  private static final int RESULTS_BYTES = 1 << 20;

  private final Communicator communicator;
  private final LeanSerializer serializer;
  private final RootInbox inbox;
  private final Set<Integer> living = new TreeSet<>();

  /** Those that have nothing to do and wait to be told something. */
  private final Set<Integer> waiting = new TreeSet<>();

  /** Which task each of the others has. */
  private final Map<Integer, Integer> tasks = new HashMap<>();

  Workers(Communicator communicator, LeanSerializer serializer) {
    this.communicator = communicator;
    this.serializer = serializer;
    inbox = new RootInbox(communicator);
    IntStream.range(1, communicator.size()).forEach(living::add);
  }

  /** Has them do what is to be done. */
  void serve(Book book, Path file) {
    handOut(book);
    while (!book.isFinished() && !(book.isStuck() && tasks.isEmpty())) {
      if (living.isEmpty()) {
        throw new IllegalStateException(
            "All workers are lost. %d of %d results of %s are saved; the next run does the rest"
                .formatted(book.saved(), book.count(), file));
      }
      handleNext(book, file);
      handOut(book);
    }
  }

  private void handOut(Book book) {
    while (!waiting.isEmpty()) {
      int task = book.next();
      if (task < 0) {
        return;
      }
      int rank = waiting.iterator().next();
      waiting.remove(rank);
      tasks.put(rank, task);
      try {
        send(rank, Messages.TASK, task, serializer.encode(book.argument(task)));
      } catch (RankLostException e) {
        lost(rank, e.getMessage(), book);
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

  private void handleNext(Book book, Path file) {
    Message next;
    try {
      next = inbox.next();
    } catch (RankLostException e) { // none is left
      Set.copyOf(living).forEach(rank -> lost(rank, e.getMessage(), book));
      return;
    }
    handle(next, book, file);
  }

  /** Takes in what a rank says; without a book, nobody wants results any more. */
  private void handle(Message message, Book book, Path file) {
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
      lost(data.getInt(), UTF_8.decode(data).toString(), book);
    } else {
      int task = data.getInt();
      tasks.remove(from);
      waiting.add(from);
      if (book != null && message.tag() == Messages.DONE) {
        book.done(task, data.slice());
      } else if (book != null) {
        book.failed(task, data.slice());
      }
    }
  }

  private void lost(int rank, String reason, Book book) {
    if (!living.remove(rank)) {
      return; // the news came on another way before
    }
    waiting.remove(rank);
    Integer task = tasks.remove(rank);
    if (task != null && book != null) {
      book.lost(task, rank, reason);
    }
  }

  private void awaitAll(Book book, Path file) {
    while (!waiting.containsAll(living)) {
      handleNext(book, file);
    }
  }

  /** Gives them all results, in parts, so that none of the messages is large without need. */
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
          tellAll(Messages.RESULTS, part.flip());
          part.clear();
        }
        if (part.remaining() < Integer.BYTES + length) {
          part = ByteBuffer.allocate(Integer.BYTES + length);
        }
        part.putInt(length).put(each.result());
      }
    }
    tellAll(Messages.RESULTS, part.flip());
    tellAll(Messages.END, ByteBuffer.allocate(0));
    waiting.clear();
  }

  /** Has map throw on all of them what it throws here; results that still come are saved. */
  void fail(Throwable problem, Book book, Path file) {
    while (!waiting.containsAll(living)) {
      try {
        awaitAll(book, file);
      } catch (IllegalStateException e) {
        LOG.debug("Another problem besides the one that is told", e);
      }
    }
    tellAll(Messages.PROBLEM, FailureReport.of(Origin.TASK, problem, serializer).encode());
    waiting.clear();
  }

  private void tellAll(int tag, ByteBuffer message) {
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
