package dev.mpipool.device;

import java.util.LinkedHashSet;
import java.util.Set;
import mpjdev.Status;

/**
 * What peek stands on: requests that were asked for completion in vain (as MPJ Express' Waitany
 * does with all of its requests before it peeks), have completed since, and were not waited for
 * yet.
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

  /** Takes the first one, waits until there is one. MPJ Express lets one thread peek at a time. */
  DeviceRequest take() {
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
