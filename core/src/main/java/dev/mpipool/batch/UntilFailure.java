package dev.mpipool.batch;

import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * An iterator that has ended once it has thrown, whatever its source would give after that. So what
 * comes after a failure does not depend on how far the work has got.
 *
 * @param <T> the type of the values
 */
public final class UntilFailure<T> implements Iterator<T> {

  private final Runnable atFailure;

  /** Null when it has ended. */
  private Iterator<? extends T> source;

  /**
   * Gives the values of another iterator up to its end or its first exception.
   *
   * @param source not used after that
   * @param atFailure called once, before the exception is thrown
   */
  public UntilFailure(Iterator<? extends T> source, Runnable atFailure) {
    this.source = source;
    this.atFailure = atFailure;
  }

  @Override
  public boolean hasNext() {
    if (source == null) {
      return false;
    }
    try {
      boolean more = source.hasNext();
      if (!more) {
        source = null;
      }
      return more;
    } catch (RuntimeException | Error e) {
      end();
      throw e;
    }
  }

  /** Asks the source only once, since every element of a map passes here. */
  @Override
  public T next() {
    if (source == null) {
      throw new NoSuchElementException();
    }
    try {
      return source.next();
    } catch (RuntimeException | Error e) {
      end();
      throw e;
    }
  }

  private void end() {
    source = null;
    atFailure.run();
  }
}
