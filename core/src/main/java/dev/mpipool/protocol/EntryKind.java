package dev.mpipool.protocol;

/** What an entry of a frame says. */
public enum EntryKind {
  /** To a worker: run this task. The payload is the encoded task. */
  TASK(1),
  /** To a worker: the task is no longer wanted. The payload is one byte: 1 to interrupt it. */
  CANCEL(2),
  /** To a worker: nothing more will come; answer {@link #LEFT} and leave. No id, no payload. */
  RELEASE(3),
  /** To a worker: main ends without having closed the pool. No id, no payload. */
  ABANDON(4),
  /**
   * To a worker, before any task: how to run them. The payload is an {@link Hello}. Answered, under
   * the number 0, by {@link #FAILURE} if the initializer fails, by {@link #MISMATCH} if the worker
   * could read no task, and else not at all.
   */
  OPEN(5),
  /** To a worker: run a function over some items. The payload is a {@link Chunk}. */
  CHUNK(6),
  /** To a worker: keep a value under this number. The payload is the encoded value. */
  PUT(7),
  /** To a worker: forget the value of this number. No payload. */
  FORGET(8),
  /** To a worker: run a task together with others. The payload is a {@link GroupTask}. */
  GROUP(9),
  /**
   * From worker to worker, members of a group. The number is the group's; the payload is the
   * message with the header of {@link dev.mpipool.comm.GroupTransport}.
   */
  GROUP_MESSAGE(10),
  /**
   * To a worker: give tasks back that have not begun, the last first. The payload is how many at
   * most (int). Answered by {@link #RETURNED}.
   */
  RECALL(11),
  /** To a worker: say {@link #PONG}, whatever the tasks are doing. No id, no payload. */
  PING(12),
  /**
   * To the members of a group: the rank which is the id, a member of it, was excluded, and none is
   * to wait for it. No payload.
   */
  EXCLUDED(13),
  /** To main: the task returned. The payload is the encoded result. */
  RESULT(17),
  /** To main: the task has no result. The payload is a {@link FailureReport}. */
  FAILURE(18),
  /** To main: a cancelled task was dropped before it began. No payload. */
  DROPPED(19),
  /** To main: this worker has left. The payload is the reason (UTF-8) if it was not released. */
  LEFT(20),
  /**
   * To main: the tasks answered in this frame took so many nanoseconds, which are the id. No
   * payload.
   */
  BUSY_TIME(21),
  /** To main: tasks that were given back. The payload is their numbers (long each), maybe none. */
  RETURNED(22),
  /** To main: this worker's listener is awake. No id, no payload. */
  PONG(23),
  /** To main: a message of a group could not be sent to the rank which is the id. No payload. */
  UNDELIVERABLE(24),
  /**
   * To main: this worker has another serializer than main. The payload is a line with its format,
   * and main's as it was told (UTF-8).
   */
  MISMATCH(25);

  private static final EntryKind[] BY_CODE = new EntryKind[Byte.MAX_VALUE + 1];

  static {
    for (EntryKind kind : values()) {
      BY_CODE[kind.code] = kind;
    }
  }

  private final byte code;

  EntryKind(int code) {
    this.code = (byte) code;
  }

  /**
   * Whether the entry is a task, which a worker answers.
   *
   * @return true for calls, chunks and members of a group
   */
  public boolean isTask() {
    return this == TASK || this == CHUNK || this == GROUP;
  }

  /** The byte that stands for this kind in a frame. */
  byte code() {
    return code;
  }

  /** The kind a byte stands for, or null if there is none. */
  static EntryKind ofCode(byte code) {
    return code < 0 ? null : BY_CODE[code];
  }
}
