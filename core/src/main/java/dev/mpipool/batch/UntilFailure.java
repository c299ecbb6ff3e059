package dev.mpipool.batch;

import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * An iterator that ends with its source's first exception, even if the source would continue. So
 * the values after a failure do not depend on the progress of the work.
 *
 * @param <T> the type of the values
 */
public final class UntilFailure<T> implements Iterator<T> {

  private final Runnable atFailure;

  /** Null once this iterator has ended. */
  private Iterator<? extends T> source;

  /**
   * Iterates over the values of another iterator, up to its end or first exception.
   *
   * @param source not used after that
   * @param atFailure called once, before the exception is rethrown
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

  /** Does not call {@code source.hasNext}, since every element of a map passes here. */
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
