package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.IntConsumer;

/**
 * Calls listeners for each rank that the device has found lost. It calls them one at a time on a
 * thread of its own, which is started at the first loss. The monitor guards both lists.
 */
final class FailureNotifier {

  private final List<IntConsumer> listeners = new ArrayList<>();
  private final List<Integer> lost = new ArrayList<>();
  private final LinkedBlockingQueue<Runnable> calls = new LinkedBlockingQueue<>();
  private Thread thread;

  synchronized void add(IntConsumer listener) {
    listeners.add(listener);
    lost.forEach(rank -> schedule(listener, rank));
  }

  synchronized boolean isLost(int rank) {
    return lost.contains(rank);
  }

  synchronized void lost(int rank) {
    lost.add(rank);
    listeners.forEach(listener -> schedule(listener, rank));
  }

  private void schedule(IntConsumer listener, int rank) {
    calls.add(() -> listener.accept(rank));
    if (thread == null) {
      Thread started = new Thread(this::run, "mpipool-device-losses");
      started.setDaemon(true);
      started.start();
      thread = started;
    }
  }

  private void run() {
    long pause = 0;
    Runnable call = null;
    for (; ; ) {
      try {
        call = call == null ? calls.take() : call;
        call.run();
        call = null;
        pause = 0;
      } catch (InterruptedException e) {
        // The thread is never stopped: a listener has interrupted it by mistake.
      } catch (OutOfMemoryError e) { // the call is repeated
        pause = Memory.pause(pause);
      } catch (RuntimeException | Error e) {
        call = null;
        report(e);
      }
    }
  }

  private static void report(Throwable failure) {
    try {
      Thread.UncaughtExceptionHandler handler =
          Thread.currentThread().getUncaughtExceptionHandler();
      handler.uncaughtException(Thread.currentThread(), failure);
    } catch (RuntimeException | Error e) {
      // There is no further way to report it.
    }
  }
}
