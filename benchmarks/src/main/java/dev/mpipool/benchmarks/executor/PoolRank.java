package dev.mpipool.benchmarks.executor;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.WorkersExitException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mpi.MPI;

/**
 * A rank of this executor; when the pool is closed, the same ranks measure raw MPJ, where they run
 * on it.
 */
public final class PoolRank implements Contestant {

  private final MPIExecutor executor;

  private PoolRank(MPIExecutor executor) {
    this.executor = executor;
  }

  /**
   * A rank's program.
   *
   * @param args what the launcher gives, then the effort, the device's name, and what to leave out
   * @throws Exception if a measure fails
   */
  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    Effort effort = Effort.of(own);
    String device = own[1];
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      if (own.length > 2) {
        new Profile(executor).run(own[2]);
      } else {
        Parts.measure(device, new PoolRank(executor), own);
        if (Parts.wanted("large", own)) {
          new LargeValues(device, executor, effort).measure();
        }
      }
    } catch (WorkersExitException e) {
      // measures raw MPJ below
    }
    boolean raw = own.length == 2 && !Programs.NATIVE.containsKey(device);
    if (raw && !MPI.Initialized()) {
      MPI.Init(args);
    }
    if (raw && MPI.COMM_WORLD.Rank() < 2) {
      new RawMessages("raw-" + device, effort).measure();
    }
    MPIRuntime.finish();
  }

  @Override
  public Tasks tasks() {
    return Tasks.LAMBDAS;
  }

  @Override
  public <T> Future<T> submit(SerializableCallable<T> task) {
    return executor.submit(task);
  }

  @Override
  public <T> List<T> onEachWorker(SerializableCallable<T> task) throws Exception {
    return executor.submitToAll(task).get(30, SECONDS);
  }

  @Override
  public <T, R> Optional<Stream<R>> map(SerializableFunction<T, R> function, List<T> items) {
    return Optional.of(executor.map(function, items));
  }

  @Override
  public OptionalLong map(int items) {
    Iterable<Integer> numbers = () -> IntStream.range(0, items).iterator();
    try (Stream<Integer> results = executor.map(x -> x + 1, numbers)) {
      return OptionalLong.of(results.mapToLong(Integer::longValue).sum());
    }
  }
}
