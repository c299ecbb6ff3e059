package dev.mpipool.device;

import java.util.LinkedHashSet;
import java.util.Set;
import mpjdev.Status;

/**
 * The requests from which {@code peek} chooses: those that were tested before they were complete,
 * have completed since, and have not been waited for. (MPJ Express's {@code Waitany} tests all of
 * its requests, then peeks.) The monitor guards the list.
 */
final class CompletedList {

  /** A thread in peek. */
  private static final class Peek extends DeviceRequest {
    Peek(Progress progress) {
      super(progress);
    }

    @Override
    Status status() {
      return new Status();
    }
  }

  private final Progress progress;
  private final Set<DeviceRequest> requests = new LinkedHashSet<>();
  private Peek waiting;

  CompletedList(Progress progress) {
    this.progress = progress;
  }

  void add(DeviceRequest request) {
    Peek peek;
    synchronized (this) {
      requests.add(request);
      peek = waiting;
      waiting = null;
    }
    if (peek != null) {
      peek.succeed();
    }
  }

  synchronized void remove(DeviceRequest request) {
    requests.remove(request);
  }

  /** Removes the first request, and waits until there is one. Called by one thread at a time. */
  DeviceRequest removeFirst() {
    for (; ; ) {
      Peek peek;
      synchronized (this) {
        var first = requests.iterator();
        if (first.hasNext()) {
          DeviceRequest request = first.next();
          first.remove();
          return request;
        }
        if (waiting == null) {
          waiting = new Peek(progress);
        }
        peek = waiting;
      }
      progress.await(peek);
    }
  }
}
