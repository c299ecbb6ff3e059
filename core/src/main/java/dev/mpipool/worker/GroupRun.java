package dev.mpipool.worker;

import dev.mpipool.comm.GroupTransport;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Payload;

/**
 * A task that this worker runs together with others. A failure after the loss of another member is
 * answered as dropped, not as a failure of the task, and main lets the group begin again.
 */
final class GroupRun extends TaskRun {

  private final long group;
  private final Groups groups;

  // released at the end

  private GroupTransport transport;
  private Payload task;

  GroupRun(
      long id,
      long group,
      Payload task,
      GroupTransport transport,
      WorkerContext context,
      Groups groups) {
    super(id, task, CallCodec.codeNumber(task), context);
    this.group = group;
    this.task = task;
    this.transport = transport;
    this.groups = groups;
  }

  /** An interrupt also ends the communicator, which frees members that wait for each other. */
  @Override
  synchronized boolean cancel(boolean interrupt) {
    if (!interrupt) {
      return false; // members wait for each other, so all of them run to their end
    }
    boolean notBegun = super.cancel(true);
    if (transport == null) {
      return false; // the task has ended
    }
    transport.end("The group's task is no longer wanted: it was cancelled, or a member failed");
    if (notBegun) {
      groups.ended(group);
    }
    return notBegun;
  }

  @Override
  boolean isForAnyWorker() {
    return false;
  }

  @Override
  Entry answer() {
    TaskContext.setGroup(transport.communicator());
    try {
      Entry answer = answer(task);
      boolean broken = answer.kind() == EntryKind.FAILURE && groups.isBroken(group);
      return broken ? new Entry(EntryKind.DROPPED, id()) : answer;
    } finally {
      TaskContext.setGroup(null);
      groups.ended(group);
      ended();
    }
  }

  private synchronized void ended() {
    transport.end("The group's task has ended, and its communicator with it");
    transport = null;
    task = null;
  }
}
