package dev.mpipool.batch;

import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/** The items of a batch: one element of each iterable at a time, until the shortest ends. */
public final class ItemSource {

  private final List<Iterable<?>> iterables;
  private final long size;
  private List<Iterator<?>> iterators;

  /**
   * Creates a source. Nothing is taken from the iterables yet.
   *
   * @param iterables one to three, none of them null
   */
  public ItemSource(Iterable<?>... iterables) {
    this.iterables = List.of(iterables);
    this.size =
        Stream.of(iterables)
            .mapToLong(i -> i instanceof Collection<?> known ? known.size() : Long.MAX_VALUE)
            .min()
            .orElse(0);
  }

  /** The number of items; Long.MAX_VALUE if unknown. */
  long size() {
    return size;
  }

  int arity() {
    return iterables.size();
  }

  /** Takes the next item; false at the end. Runs user code, which may block and throw anything. */
  boolean next(Object[] item) {
    if (iterators == null) {
      iterators = iterables.stream().<Iterator<?>>map(Iterable::iterator).toList();
    }
    for (Iterator<?> iterator : iterators) {
      if (!iterator.hasNext()) {
        return false;
      }
    }
    for (int i = 0; i < item.length; i++) {
      item[i] = iterators.get(i).next();
    }
    return true;
  }
}
