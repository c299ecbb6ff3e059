package dev.mpipool.pool;

import dev.mpipool.BrokenExecutorException;
import java.lang.reflect.Array;
import java.util.AbstractCollection;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.lang3.StringUtils;

/**
 * The elements of one call that have been taken and have not come back, so that a failure can name
 * its own. One thread takes; another forgets each element after it was taken.
 *
 * <p>They stand in blocks, each of which goes when all of its elements have gone: what is kept is
 * about what is under way, and nothing is allocated for a single element.
 */
final class Elements<A> {

  private static final int BLOCK = 1024;
  private static final int LONGEST_VALUE = 100;

  private static final class Block {
    final long number;
    final Object[] elements = new Object[BLOCK];
    int forgotten;

    Block(long number) {
      this.number = number;
    }
  }

  private final Map<Long, Block> blocks = new ConcurrentHashMap<>();

  private int expected;

  // the taker's own
  private Block filled;
  private long taken;

  /** The same elements, noted as they are taken, by one iterator. */
  Iterable<A> noted(Iterable<? extends A> items) {
    Iterable<A> noting = () -> noting(items.iterator());
    if (items instanceof Collection<?> sized) {
      expected = sized.size();
      return ofSize(expected, noting);
    }
    return noting;
  }

  private Iterator<A> noting(Iterator<? extends A> iterator) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return iterator.hasNext();
      }

      @Override
      public A next() {
        A element = iterator.next();
        note(element);
        return element;
      }
    };
  }

  /** The size lets a batch end in chunks so small that all workers have some. */
  static <T> Collection<T> ofSize(int size, Iterable<T> items) {
    return new AbstractCollection<>() {
      @Override
      public Iterator<T> iterator() {
        return items.iterator();
      }

      @Override
      public int size() {
        return size;
      }
    };
  }

  private void note(A element) {
    int place = (int) (taken % BLOCK);
    if (place == 0) {
      filled = new Block(taken / BLOCK);
      blocks.put(filled.number, filled);
    }
    filled.elements[place] = element;
    taken++;
  }

  /** How many there will be, as far as that is known; else 0. */
  int expected() {
    return expected;
  }

  /** An element that has not been forgotten. */
  Object get(long index) {
    return blocks.get(index / BLOCK).elements[(int) (index % BLOCK)];
  }

  /** Forgets elements that have come back. */
  void forget(long first, int count) {
    long index = first;
    long end = first + count;
    while (index < end) {
      Block block = blocks.get(index / BLOCK);
      int from = (int) (index % BLOCK);
      int to = (int) Math.min(BLOCK, from + end - index);
      Arrays.fill(block.elements, from, to, null);
      block.forgotten += to - from;
      if (block.forgotten == BLOCK) {
        blocks.remove(block.number);
      }
      index += to - from;
    }
  }

  /** How many blocks are kept, for tests. */
  int blocks() {
    return blocks.size();
  }

  /** What a verb throws for an element. */
  static CompletionException failure(long index, Object element, Throwable cause) {
    if (cause instanceof BrokenExecutorException) { // no element's fault
      return new CompletionException(cause.getMessage(), cause);
    }
    return new CompletionException(
        "Element %d (%s) failed: %s".formatted(index, text(element), cause), cause);
  }

  private static String text(Object element) {
    if (element != null && element.getClass().isArray()) {
      return "%s[%d]"
          .formatted(element.getClass().getComponentType().getTypeName(), Array.getLength(element));
    }
    try {
      return StringUtils.abbreviate(String.valueOf(element), LONGEST_VALUE);
    } catch (RuntimeException e) {
      return element.getClass().getTypeName();
    }
  }
}
