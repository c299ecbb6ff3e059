package dev.mpipool.tasker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.serial.LeanSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A rank other than the root: runs the tasks that the root sends, in the thread that calls map. */
final class Worker<A, R> {

  private static final int ROOT = 0;

  private final Communicator communicator;
  private final LeanSerializer serializer;
  private final TaskInvoker<A, R> invoker;
  private final List<R> results = new ArrayList<>();

  Worker(Communicator communicator, LeanSerializer serializer, TaskInvoker<A, R> invoker) {
    this.communicator = communicator;
    this.serializer = serializer;
    this.invoker = invoker;
  }

  /**
   * Runs tasks until the root sends the results.
   *
   * @param file to which this rank maps; the root checks that it is its own
   * @return the results of all tasks
   */
  List<R> work(Path file) {
    communicator.send(ROOT, Messages.READY, UTF_8.encode(file.toString()));
    while (true) {
      Message message = communicator.receive(ROOT, Communicator.ANY_TAG);
      ByteBuffer data = message.data();
      switch (message.tag()) {
        case Messages.TASK -> answer(data.getInt(), data.slice());
        case Messages.RESULTS -> add(data);
        case Messages.PROBLEM -> throw problem(data);
        default -> {
          return results;
        }
      }
    }
  }

  private void answer(int task, ByteBuffer argument) {
    TaskInvoker.Outcome outcome;
    try {
      outcome = invoker.run(task, serializer.decode(argument));
    } catch (Throwable e) {
      outcome = invoker.unreadable(e);
    }
    ByteBuffer answer = ByteBuffer.allocate(Integer.BYTES + outcome.bytes().remaining());
    answer.putInt(task).put(outcome.bytes()).flip();
    communicator.send(ROOT, outcome.success() ? Messages.DONE : Messages.FAILED, answer);
  }

  @SuppressWarnings("unchecked") // the function returned R
  private void add(ByteBuffer part) {
    while (part.hasRemaining()) {
      int length = part.getInt();
      results.add(
          (R) Tasker.decode(serializer, results.size(), part.slice(part.position(), length)));
      part.position(part.position() + length);
    }
  }

  private RuntimeException problem(ByteBuffer report) {
    try {
      Throwable thrown = TaskLedger.exception(report, serializer);
      return thrown instanceof RuntimeException unchecked
          ? unchecked
          : new IllegalStateException("The root could not go on: " + thrown.getMessage(), thrown);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
