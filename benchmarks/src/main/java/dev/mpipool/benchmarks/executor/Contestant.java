package dev.mpipool.benchmarks.executor;

import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** Something that runs tasks on two workers, as {@link Parts} measures it. */
public interface Contestant {

  /** How many workers each contestant has. */
  int WORKERS = 2;

  /**
   * How it likes its tasks best: as lambdas, or as objects of named classes.
   *
   * @return the tasks it is measured with
   */
  Tasks tasks();

  /**
   * Submits one task; gives one future.
   *
   * @param <T> the type of its result
   * @param task what to run on one of the workers
   * @return its future
   */
  <T> Future<T> submit(SerializableCallable<T> task);

  /**
   * Runs a task once on every worker.
   *
   * @param <T> the type of its result
   * @param task what to run
   * @return the results
   * @throws Exception if one fails, or none comes in time
   */
  <T> List<T> onEachWorker(SerializableCallable<T> task) throws Exception;

  /**
   * Adds 1 to each of the numbers below a limit, in the way that is made for many items.
   *
   * @param items how many
   * @return the sum of the results; empty if there is no such way
   * @throws Exception if an item fails
   */
  default OptionalLong map(int items) throws Exception {
    return OptionalLong.empty();
  }

  /**
   * Applies a function to each item, in the way that is made for many items.
   *
   * @param <T> the type of the items
   * @param <R> the type of the results
   * @param function what to apply
   * @param items to apply it to
   * @return the results, in order, to be closed; empty if there is no such way
   */
  default <T, R> Optional<Stream<R>> map(SerializableFunction<T, R> function, List<T> items) {
    return Optional.empty();
  }
}
