package dev.mpipool.dispatch;

import java.util.AbstractCollection;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * All workers of a pool in the order of their ranks, lost ones included. An array: a pool may have
 * a hundred thousand of them. Guarded by the dispatcher's lock.
 */
final class Workers extends AbstractCollection<WorkerState> {

  private WorkerState[] byRank = new WorkerState[16];
  private int size;

  /** The worker with this rank; null if there is none. */
  WorkerState get(int rank) {
    return rank >= 0 && rank < byRank.length ? byRank[rank] : null;
  }

  /** Adds a worker whose rank no other has. */
  @Override
  public boolean add(WorkerState worker) {
    if (worker.rank >= byRank.length) {
      byRank = Arrays.copyOf(byRank, Math.max(worker.rank + 1, 2 * byRank.length));
    }
    byRank[worker.rank] = worker;
    size++;
    return true;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public Iterator<WorkerState> iterator() {
    return new Iterator<>() {
      private int next = after(-1);

      private int after(int rank) {
        int candidate = rank + 1;
        while (candidate < byRank.length && byRank[candidate] == null) {
          candidate++;
        }
        return candidate;
      }

      @Override
      public boolean hasNext() {
        return next < byRank.length;
      }

      @Override
      public WorkerState next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        WorkerState worker = byRank[next];
        next = after(next);
        return worker;
      }
    };
  }
}
