package dev.mpipool;

import java.io.Serializable;

/**
 * A large value that each worker is sent once: {@link MPIExecutor#broadcast}. Tasks capture this
 * handle, which is small, and call {@link #value}. They must not change the value: other tasks of
 * the same worker see the same object. When main's handle is not reachable any more, the workers'
 * memory is freed as soon as the pool has nothing to do.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try (Broadcast<double[]> table = executor.broadcast(new double[1_000_000])) {
 *   double first = executor.submit(() -> table.value()[0]).get();
 * }
 * }</pre>
 *
 * @param <T> the type of the value
 */
public interface Broadcast<T> extends Serializable, AutoCloseable {

  /**
   * The value: in a task the worker's copy, on main the very object that was broadcast.
   *
   * @return the same object at every call on one worker
   * @throws IllegalStateException if this is closed, or the value could not be read on the worker
   */
  T value();

  /**
   * Frees the workers' memory. Tasks that are submitted later cannot use it; does nothing twice.
   */
  @Override
  void close();
}
