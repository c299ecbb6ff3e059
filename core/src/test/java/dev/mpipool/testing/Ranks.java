package dev.mpipool.testing;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** Runs the same code on every rank of a local communicator, each on a thread of its own. */
public final class Ranks {

  private static final long SECONDS = 20;

  private Ranks() {}

  /** What a rank does. */
  @FunctionalInterface
  public interface Body<T> {
    T run(Communicator own) throws Exception;
  }

  /** What each rank returns, by rank; the first exception is thrown. */
  public static <T> List<T> onAll(int size, Body<T> body) throws Exception {
    return onAll(LocalCommunicator.create(size), body);
  }

  /** What each rank returns, by rank; the first exception is thrown. */
  public static <T> List<T> onAll(List<Communicator> ranks, Body<T> body) throws Exception {
    List<FutureTask<T>> running = new ArrayList<>();
    for (Communicator own : ranks) {
      running.add(start("test-rank-" + own.rank(), () -> body.run(own)));
    }
    List<T> results = new ArrayList<>();
    for (FutureTask<T> rank : running) {
      results.add(result(rank));
    }
    return results;
  }

  /** Starts a thread. */
  public static <T> FutureTask<T> start(String name, java.util.concurrent.Callable<T> body) {
    FutureTask<T> task = new FutureTask<>(body);
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  /** The result of a thread, or what it threw. */
  public static <T> T result(FutureTask<T> running) throws Exception {
    try {
      return running.get(SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    }
  }
}
