package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.IntConsumer;

/** Tells listeners of lost ranks, on a thread of its own that exists from the first loss on. */
final class Losses {

  private final List<IntConsumer> listeners = new ArrayList<>();
  private final List<Integer> lost = new ArrayList<>();
  private final LinkedBlockingQueue<Runnable> calls = new LinkedBlockingQueue<>();
  private Thread teller;

  synchronized void add(IntConsumer listener) {
    listeners.add(listener);
    lost.forEach(rank -> tell(listener, rank));
  }

  synchronized boolean isLost(int rank) {
    return lost.contains(rank);
  }

  synchronized void lost(int rank) {
    lost.add(rank);
    listeners.forEach(listener -> tell(listener, rank));
  }

  private void tell(IntConsumer listener, int rank) {
    calls.add(() -> listener.accept(rank));
    if (teller == null) {
      Thread thread = new Thread(this::run, "mpipool-device-losses");
      thread.setDaemon(true);
      thread.start();
      teller = thread;
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
        // Nobody stops this thread; a listener has interrupted it by mistake.
      } catch (OutOfMemoryError e) { // the news is not lost
        pause = Memory.pause(pause);
      } catch (RuntimeException | Error e) {
        call = null;
        tell(e);
      }
    }
  }

  private static void tell(Throwable failure) {
    try {
      Thread.UncaughtExceptionHandler handler =
          Thread.currentThread().getUncaughtExceptionHandler();
      handler.uncaughtException(Thread.currentThread(), failure);
    } catch (RuntimeException | Error e) {
      // There is no way to tell it.
    }
  }
}
