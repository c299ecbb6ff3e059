package dev.mpipool.pool;

import java.util.Collection;
import java.util.Iterator;
import java.util.function.Function;

/**
 * Tuples as one iterable for each part. A batch asks all of them in turn for their next element, in
 * one thread: the first takes a tuple, the others give its other parts.
 */
final class Unzipped<T> {

  private final Iterable<? extends T> tuples;
  private Iterator<? extends T> iterator;
  private T current;
  private long taken;

  /** The tuples are noted as they are taken. */
  Unzipped(Iterable<? extends T> items, Elements<T> elements) {
    tuples = elements.noted(items);
  }

  /** The part that takes the tuples. */
  <P> Iterable<P> first(Function<? super T, ? extends P> part) {
    Iterable<P> parts =
        () -> {
          iterator = tuples.iterator();
          return part(part, true);
        };
    return tuples instanceof Collection<?> sized ? Elements.ofSize(sized.size(), parts) : parts;
  }

  /** Another part of what the first has taken. */
  <P> Iterable<P> next(Function<? super T, ? extends P> part) {
    return () -> part(part, false);
  }

  private <P> Iterator<P> part(Function<? super T, ? extends P> part, boolean takes) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return !takes || iterator.hasNext();
      }

      @Override
      public P next() {
        if (takes) {
          readNext();
        }
        return part.apply(current);
      }
    };
  }

  private void readNext() {
    current = iterator.next();
    if (current == null) {
      throw new NullPointerException("Element %d is null, not a tuple".formatted(taken));
    }
    taken++;
  }
}
