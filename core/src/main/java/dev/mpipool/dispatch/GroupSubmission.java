package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.GroupTask;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A task that several workers run together: either all begin it, or none.
 *
 * <p>Each member has its own task and future. When one member fails, the others are cancelled and
 * the group fails; when a member's worker is lost, the others are cancelled and the group begins
 * again with other workers. Answers from members of an earlier attempt are ignored.
 *
 * <p>All state is guarded by the dispatcher's lock.
 *
 * @param <T> the type of a member's result
 */
final class GroupSubmission<T> {

  private final ScheduledTask.Owner owner;
  private final int size;
  private final EncodedCall task;
  private final TaskCall call;
  private final Object original;
  private final ListFuture<T> future = new ListFuture<>();

  /** The workers reserved so far while the group gathers. */
  final List<WorkerState> gathered;

  /** The members of the current attempt: only the first until all workers are reserved. */
  private List<Member<T>> members = List.of();

  private Member<T> first;

  /** Attempts that ended because members could not reach each other. */
  private int voidAttempts;

  private final List<T> results;
  private int done;

  GroupSubmission(
      ScheduledTask.Owner owner, int size, EncodedCall task, TaskCall call, Object original) {
    this.owner = owner;
    this.size = size;
    this.task = task;
    this.call = call;
    this.original = original;
    this.gathered = new ArrayList<>(size);
    this.results = new ArrayList<>(Collections.nCopies(size, null));
    future.onUnwanted(this::cancelMembers);
  }

  /** The task of one member. */
  static final class Member<T> extends ScheduledTask {
    private final GroupSubmission<T> group;
    private final int number;

    /** Null until the group's workers are reserved. */
    private GroupAttempt attempt;

    private Member(GroupSubmission<T> group, int number, TaskFuture<T> future) {
      super(group.owner, future, EntryKind.GROUP, group.task.code(), null);
      this.group = group;
      this.number = number;
    }

    @Override
    Object request() {
      return group;
    }

    @Override
    void assigned() {
      attempt.begins();
    }

    @Override
    void removed() {
      attempt.ends();
    }

    /** Whether this member belongs to the current attempt. */
    boolean counts() {
      return number < group.members.size() && group.members.get(number) == this;
    }

    /** Begins another attempt because members lost contact with each other; null after too many. */
    ScheduledTask beginAgainUnlessTooOften(int most) {
      return ++group.voidAttempts < most ? group.beginAgain(lostWith()) : null;
    }

    /** Begins another attempt because this member's worker was lost. */
    ScheduledTask beginAgain() {
      return group.beginAgain(lostWith());
    }
  }

  /** The group that this queued task stands for as its first member; null if it stands for none. */
  static GroupSubmission<?> waitingIn(ScheduledTask task) {
    return task instanceof Member<?> member && member.number == 0 && member.worker == null
        ? member.group
        : null;
  }

  int size() {
    return size;
  }

  ListFuture<T> future() {
    return future;
  }

  /** The task that stands for the group in the queue. */
  ScheduledTask first() {
    return first;
  }

  /** Begins an attempt; returns the task to be queued. */
  ScheduledTask begin() {
    return begin(List.of());
  }

  /** Cancels the members on living workers, and begins another attempt. */
  private ScheduledTask beginAgain(List<Integer> lostWith) {
    members.stream()
        .filter(member -> member.worker != null && member.worker.isAlive())
        .forEach(member -> owner.cancel(member, true));
    return begin(lostWith);
  }

  private ScheduledTask begin(List<Integer> lostWith) {
    Member<T> made = member(0, lostWith);
    made.order = first == null ? 0 : first.order;
    members = List.of(made);
    first = made;
    done = 0;
    return made;
  }

  private Member<T> member(int number, List<Integer> lostWith) {
    TaskFuture<T> memberFuture = new TaskFuture<>(owner, call, original);
    Member<T> made = new Member<>(this, number, memberFuture);
    lostWith.forEach(made::lostWith);
    memberFuture.submitted(made, false);
    memberFuture.whenComplete((value, failure) -> memberDoneSurely(made, value, failure));
    return made;
  }

  /** The members' tasks, ready to be sent to these workers. */
  List<? extends ScheduledTask> membersOn(List<WorkerState> workers) {
    List<Member<T>> all = new ArrayList<>(members);
    while (all.size() < size) {
      all.add(member(all.size(), all.get(0).lostWith()));
    }
    members = List.copyOf(all);
    List<Integer> ranks = workers.stream().map(worker -> worker.rank).toList();
    GroupAttempt attempt = new GroupAttempt(ranks);
    workers.forEach(worker -> worker.addAttempt(attempt));
    long number = SharedValue.nextNumber();
    ByteBuffer body = task.payload().toBuffer();
    for (Member<T> member : members) {
      member.attempt = attempt;
      member.encoded = Payload.of(new GroupTask(number, member.number, ranks, body).encode());
    }
    return members;
  }

  private void memberDoneSurely(Member<T> member, T value, Throwable failure) {
    long pause = 0;
    while (true) {
      try {
        memberDone(member, value, failure);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void memberDone(Member<T> member, T value, Throwable failure) {
    List<T> values = null;
    List<Member<T>> others;
    owner.lock().lock();
    try {
      if (!member.counts()) {
        return;
      }
      if (failure == null) {
        results.set(member.number, value);
        values = done + 1 == size ? new ArrayList<>(results) : null;
        done++;
        others = List.of();
      } else {
        others = members;
        members = List.of();
      }
    } finally {
      owner.unlock();
    }
    if (failure != null || values != null) {
      end(values, failure, others);
    }
  }

  /** Completes the future and cancels the other members. Retries when out of memory. */
  private void end(List<T> values, Throwable failure, List<Member<T>> others) {
    long pause = 0;
    int cancelled = 0;
    while (!future.isDone() || cancelled < others.size()) {
      try {
        if (values != null) {
          future.succeed(values);
        } else {
          future.fail(failure);
        }
        for (; cancelled < others.size(); cancelled++) {
          others.get(cancelled).future.cancel(true);
        }
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void cancelMembers(boolean interrupt) {
    List<Member<T>> cancelled;
    owner.lock().lock();
    try {
      cancelled = members;
      cancelled.forEach(member -> owner.aboutToEnd(member, interrupt, member.future::drop));
      members = List.of();
    } finally {
      owner.unlock();
    }
    cancelled.forEach(member -> member.future.drop());
  }
}
