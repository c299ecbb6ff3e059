package dev.mpipool.dispatch;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.TaskName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** Completes futures with workers' answers. Runs user code: deserialization and callbacks. */
public final class Outcome {

  private final LeanSerializer serializer;

  Outcome(LeanSerializer serializer) {
    this.serializer = serializer;
  }

  /**
   * Completes a future.
   *
   * @param future of the task that was answered
   * @param rank the worker
   * @param answer a result or a failure
   */
  void complete(TaskFuture<?> future, int rank, Entry answer) {
    if (answer.kind() == EntryKind.FAILURE) {
      future.failOn(rank, failure(future, rank, answer));
      return;
    }
    Object value;
    try {
      value = read(future, rank, answer.payload());
    } catch (Throwable e) {
      future.failOn(rank, unreadable("The result", future.name(), rank, e));
      return;
    }
    future.succeed(value);
  }

  /** Reads a result. If the heap is full, waits for memory, but not for a long result. */
  private Object read(TaskFuture<?> future, int rank, Payload result) throws Exception {
    long pause = 0;
    while (true) {
      try {
        if (!result.hasAttachment()) { // an attachment is the value itself
          Memory.require(result.length());
        }
        return future.read(result, rank, this);
      } catch (OutOfMemoryError e) {
        if (!Memory.mayReturn(Math.max(1, result.length()))) {
          throw e;
        }
        pause = Memory.pause(pause);
      }
    }
  }

  /** Reads one encoded value. */
  Object decode(Payload value) throws Exception {
    return serializer.decodePayload(value);
  }

  private Throwable failure(TaskFuture<?> future, int rank, Entry answer) {
    return failure(future.name(), rank, answer.bytes());
  }

  /**
   * The exception for a failure report.
   *
   * @param task the task's name
   * @param rank the worker
   * @param encoded the report
   * @return the failure of the task
   */
  public Throwable failure(String task, int rank, ByteBuffer encoded) {
    FailureReport report;
    try {
      report = FailureReport.decode(encoded);
    } catch (IOException e) {
      return unreadable("The failure", task, rank, e);
    }
    return switch (report.origin()) {
      case TASK -> exception(report);
      case READING_TASK ->
          new TaskSerializationException(
              "The task %s could not be read on rank %d: %s".formatted(task, rank, text(report)),
              exception(report));
      case WRITING_RESULT ->
          new TaskSerializationException(
              "The result of the task %s cannot travel back from rank %d: %s"
                  .formatted(task, rank, text(report)),
              exception(report));
      case READING_RESULT ->
          unreadable("The result", task, rank, new OutOfMemoryError(text(report)));
    };
  }

  /** The task's own exception, or a textual substitute if it cannot be read. */
  private Throwable exception(FailureReport report) {
    if (report.exception() == null) {
      return report.toException();
    }
    Object read;
    try {
      read = serializer.decode(report.exception());
    } catch (Throwable e) {
      return report.asTextOnly("it could not be read on main: " + whatWasThrown(e)).toException();
    }
    return read instanceof Throwable exception
        ? exception
        : report
            .asTextOnly(
                "there was no exception when it was read on main, but "
                    + (read == null ? "null" : "a " + read.getClass().getName()))
            .toException();
  }

  private static String whatWasThrown(Throwable e) {
    return Objects.requireNonNullElse(e.getMessage(), e.toString());
  }

  /**
   * The failure of a batch element that cannot be encoded.
   *
   * @param code the user's function, for the message
   * @param index the element's place in the batch, from 0
   * @param cause thrown by the encoding
   * @return the element's failure
   */
  public Throwable unsendable(Object code, long index, Throwable cause) {
    return new TaskSerializationException(
        "Element %d for the task %s cannot travel to a worker: %s"
            .formatted(index, TaskName.of(code), whatWasThrown(cause)),
        cause);
  }

  /**
   * The failure of a task whose answer cannot be decoded.
   *
   * @param what the message's first words: "The result"
   * @param task the task's name
   * @param rank the worker
   * @param cause thrown by the decoding
   * @return the task's failure
   */
  public Throwable unreadable(String what, String task, int rank, Throwable cause) {
    return new TaskSerializationException(
        "%s of the task %s from rank %d could not be read on main: %s"
            .formatted(what, task, rank, whatWasThrown(cause)),
        cause);
  }

  private static String text(FailureReport report) {
    return report.message() == null ? report.type() : report.message();
  }
}
