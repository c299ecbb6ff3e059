package dev.mpipool;

import java.io.Serializable;
import java.lang.reflect.UndeclaredThrowableException;

/**
 * A {@link Runnable} that can travel to a worker, and may throw. A lambda becomes one wherever this
 * type is asked for.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableRunnable pause = () -> Thread.sleep(10);
 * executor.submit(pause).get();
 * }</pre>
 */
@FunctionalInterface
@SuppressWarnings("FunctionalInterfaceMethodChanged") // run() does the same for callers of Runnable
public interface SerializableRunnable extends Runnable, Serializable {

  /**
   * Does the work.
   *
   * @throws Exception whatever goes wrong
   */
  void runChecked() throws Exception;

  /**
   * Calls {@link #runChecked} for callers that know only {@link Runnable}.
   *
   * @throws UndeclaredThrowableException with a checked exception as its cause; unchecked ones come
   *     as they are
   */
  @Override
  default void run() {
    try {
      runChecked();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new UndeclaredThrowableException(e);
    }
  }
}
