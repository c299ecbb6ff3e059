package dev.mpipool.shared;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.function.Predicate;

/**
 * The holder of a lock and the ranks that wait for it, in order of request, as the lock's keeper
 * has them. Not safe for threads.
 */
final class LockQueue {

  private final Deque<Request> waiting = new ArrayDeque<>();
  private final Answers answers;
  private Request holder;

  /**
   * Whether the present holder was told that its predecessor died; it may yet give the lock back.
   */
  private boolean toldHolder;

  /** Whether the next holder is to be told. */
  private boolean tellNext;

  LockQueue(Answers answers) {
    this.answers = answers;
  }

  /** What a keeper makes of the ranks' reports when the keeper before has died. */
  void restore(Request heldBy, Collection<Request> inOrder, boolean ownerDied) {
    holder = heldBy;
    waiting.addAll(inOrder);
    tellNext = ownerDied;
    grant();
  }

  void request(Request request) {
    waiting.add(request);
    grant();
  }

  void tryRequest(Request request) {
    if (holder == null && waiting.isEmpty()) {
      request(request);
    } else {
      answers.refuse(request);
    }
  }

  /** A request is no longer wanted; it may have been granted meanwhile, unnoticed. */
  void cancel(Request request) {
    if (request.equals(holder)) {
      tellNext = toldHolder;
      holder = null;
      grant();
    } else {
      waiting.remove(request);
    }
  }

  void release(Request request) {
    if (request.equals(holder)) {
      holder = null;
      grant();
    }
  }

  void lost(int rank) {
    Predicate<Request> its = request -> request.rank == rank;
    waiting.removeIf(its);
    if (holder != null && its.test(holder)) {
      holder = null;
      tellNext = true;
      grant();
    }
  }

  private void grant() {
    if (holder == null && !waiting.isEmpty()) {
      holder = waiting.poll();
      toldHolder = tellNext;
      tellNext = false;
      answers.grant(holder, toldHolder);
    }
  }

  /**
   * A request.
   *
   * @param rank whose it is
   * @param id its number among that rank's
   */
  record Request(int rank, long id) {}

  /** Brings the keeper's answers to their ranks. */
  interface Answers {
    void grant(Request request, boolean ownerDied);

    void refuse(Request request);
  }
}
