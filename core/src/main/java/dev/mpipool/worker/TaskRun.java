package dev.mpipool.worker;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Payload;
import java.io.IOException;

/** One task on a worker: run and answered by a task thread, cancelled by the receiving thread. */
class TaskRun {

  private final long id;
  private final WorkerContext context;

  // released at the end, since the task thread may be idle for long

  private Payload encoded;

  /** The shared code that the task needs, looked up when the task arrived; null for none. */
  private SharedValues.Value code;

  /** The thread that is running the task, or null. Guarded by this. */
  private Thread runner;

  private volatile boolean cancelled;

  TaskRun(long id, Payload encoded, long code, WorkerContext context) {
    this.id = id;
    this.encoded = encoded;
    this.context = context;
    this.code = code == 0 ? null : context.shared().find(code).orElse(null);
  }

  /** A task that is one call of code. */
  static TaskRun ofCall(long id, Payload encoded, WorkerContext context) {
    return new TaskRun(id, encoded, CallCodec.codeNumber(encoded), context);
  }

  final WorkerContext context() {
    return context;
  }

  /** The decoded code, which main sends before the task. */
  final Object code() throws Exception {
    if (code == null) {
      throw new IOException("its code has not come");
    }
    return code.get();
  }

  final long id() {
    return id;
  }

  /** The encoded task; null after its end. */
  final Payload encoded() {
    return encoded;
  }

  /** Whether it may be returned to main; not the initializer, nor a member of a group. */
  boolean isForAnyWorker() {
    return id != 0;
  }

  final boolean isCancelled() {
    return cancelled;
  }

  /**
   * Cancels the task: it does not begin, or is interrupted if {@code interrupt} is true.
   *
   * @return whether it had not begun
   */
  synchronized boolean cancel(boolean interrupt) {
    boolean begun = runner != null || encoded == null;
    cancelled = true;
    if (runner != null && interrupt) {
      runner.interrupt();
    }
    return !begun;
  }

  /** Runs the task in the calling thread and returns the answer. */
  final Entry run() {
    if (!begin()) {
      return new Entry(EntryKind.DROPPED, id);
    }
    try {
      return answer();
    } finally {
      end();
    }
  }

  private synchronized boolean begin() {
    if (!cancelled) {
      runner = Thread.currentThread();
    }
    return !cancelled;
  }

  /** Ends the task: clears an interrupt meant for it, and prevents later ones. */
  private synchronized void end() {
    runner = null;
    encoded = null;
    code = null;
    Thread.interrupted();
  }

  /** Runs the task. Never throws what the task throws: that is the answer. */
  Entry answer() {
    return answer(encoded);
  }

  /** Runs one encoded call. */
  final Entry answer(Payload encodedCall) {
    CallCodec.Call task;
    try {
      task = context.codec().decode(encodedCall, this::code, context.caller());
    } catch (Throwable e) {
      return failure(Origin.READING_TASK, e);
    }
    Object result;
    try {
      result = task.call();
    } catch (Throwable e) {
      return failure(Origin.TASK, e);
    }
    try {
      Payload body = context.serializer().encodePayload(result);
      Memory.requireRest(body.length());
      return new Entry(EntryKind.RESULT, id, body);
    } catch (Throwable e) {
      return failure(Origin.WRITING_RESULT, e);
    }
  }

  /** An answer with its own copy of a borrowed payload, whose array the user may change. */
  final Entry kept(Entry answer) {
    try {
      if (answer.payload().isBorrowed()) {
        answer.payload().keep();
      }
      return answer;
    } catch (IOException e) {
      return failure(Origin.WRITING_RESULT, e);
    }
  }

  final Entry failure(Origin origin, Throwable e) {
    return new Entry(
        EntryKind.FAILURE, id, FailureReport.of(origin, e, context.serializer()).encode());
  }
}
