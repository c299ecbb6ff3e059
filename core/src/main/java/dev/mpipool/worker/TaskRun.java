package dev.mpipool.worker;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Payload;
import java.io.IOException;

/** One task on a worker: read, run and answered on a task thread; cancelled from the listener's. */
class TaskRun {

  private final long id;
  private final WorkerContext context;

  // let go at the end: the task thread may have nothing else to do for long

  private Payload encoded;

  /** The code that the task needs, as it was when the task came; null for none. */
  private SharedValues.Value code;

  /** The thread that runs the task, from begin to end. Guarded by this. */
  private Thread runner;

  private volatile boolean cancelled;

  TaskRun(long id, Payload encoded, long code, WorkerContext context) {
    this.id = id;
    this.encoded = encoded;
    this.context = context;
    this.code = code == 0 ? null : context.shared().find(code).orElse(null);
  }

  /** A call of some code. */
  static TaskRun ofCall(long id, Payload encoded, WorkerContext context) {
    return new TaskRun(id, encoded, CallCodec.codeNumber(encoded), context);
  }

  final WorkerContext context() {
    return context;
  }

  /** The code that came before the task, ready for use. */
  final Object code() throws Exception {
    if (code == null) {
      throw new IOException("its code has not come");
    }
    return code.get();
  }

  final long id() {
    return id;
  }

  /** What the task was sent as. */
  final Payload encoded() {
    return encoded;
  }

  /** Whether main may give it to another worker instead. */
  boolean isForAnyWorker() {
    return id != 0;
  }

  final boolean isCancelled() {
    return cancelled;
  }

  /**
   * The task is no longer wanted: it will not begin, and if it runs and may be interrupted, it is.
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

  /** From here on no interrupt can come, and one that came is forgotten: it was for this task. */
  private synchronized void end() {
    runner = null;
    encoded = null;
    code = null;
    Thread.interrupted();
  }

  /** Runs the task; whatever it throws is an answer, too. */
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

  /** An answer that is left as it is, whatever becomes of the user's array that it may refer to. */
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
