package dev.mpipool.memory;

import java.util.AbstractCollection;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Predicate;

/**
 * A queue with two ends that an {@link OutOfMemoryError} leaves as it was. ({@link
 * java.util.ArrayDeque} forgets all its elements when it cannot grow.) With {@link #ensureRoom} an
 * element can be added later without any memory. Not thread-safe; no nulls.
 *
 * @param <E> the type of the elements
 */
public final class Ring<E> extends AbstractCollection<E> {

  private static final int LEAST_ROOM = 16;

  private static final Object[] NONE = {};

  /** The length is a power of two, or 0 until there is an element: many rings stay empty. */
  private Object[] elements = NONE;

  private int head;
  private int size;

  /** Creates an empty one. */
  public Ring() {}

  private int place(int index) {
    return (head + index) & (elements.length - 1);
  }

  /**
   * Makes room, so that so many elements can be added without any memory.
   *
   * @param more how many, beyond those that are there
   */
  public void ensureRoom(int more) {
    int needed = Math.addExact(size, more);
    if (needed > elements.length) {
      int doubled = Math.max(Integer.highestOneBit(needed - 1), elements.length) << 1;
      int length = Math.max(doubled, LEAST_ROOM);
      Object[] roomy = new Object[length];
      for (int i = 0; i < size; i++) {
        roomy[i] = elements[place(i)];
      }
      elements = roomy;
      head = 0;
    }
  }

  /** Adds an element at the end. */
  @Override
  public boolean add(E element) {
    if (size == elements.length) {
      ensureRoom(1);
    }
    elements[place(size++)] = element;
    return true;
  }

  /**
   * Adds an element before all others.
   *
   * @param element any
   */
  public void addFirst(E element) {
    if (size == elements.length) {
      ensureRoom(1);
    }
    head = (head - 1) & (elements.length - 1);
    elements[head] = element;
    size++;
  }

  /**
   * An element.
   *
   * @param index from 0
   * @return the element
   */
  @SuppressWarnings("unchecked")
  public E get(int index) {
    return (E) elements[place(index)];
  }

  /**
   * The first element.
   *
   * @return null if there is none
   */
  public E peek() {
    return size == 0 ? null : get(0);
  }

  /**
   * The last element.
   *
   * @return null if there is none
   */
  public E peekLast() {
    return size == 0 ? null : get(size - 1);
  }

  /**
   * Takes the first element.
   *
   * @return null if there is none
   */
  public E poll() {
    if (size == 0) {
      return null;
    }
    Object[] all = elements;
    @SuppressWarnings("unchecked")
    E first = (E) all[head];
    all[head] = null;
    head = (head + 1) & (all.length - 1);
    size--;
    return first;
  }

  @Override
  public int size() {
    return size;
  }

  /**
   * How many elements there can be without more memory.
   *
   * @return at least {@link #size}
   */
  public int room() {
    return elements.length;
  }

  @Override
  public boolean isEmpty() {
    return size == 0;
  }

  @Override
  public void clear() {
    while (poll() != null) {
      // one after the other
    }
  }

  @Override
  public boolean removeIf(Predicate<? super E> unwanted) {
    int kept = 0;
    int next = 0;
    int before = size;
    try {
      while (next < before) {
        if (!unwanted.test(get(next))) {
          elements[place(kept++)] = get(next);
        }
        next++;
      }
    } finally {
      while (next < before) { // the test has failed
        elements[place(kept++)] = get(next++);
      }
      for (int i = kept; i < before; i++) {
        elements[place(i)] = null;
      }
      size = kept;
    }
    return kept < before;
  }

  @Override
  public boolean remove(Object element) {
    for (int i = 0; i < size; i++) {
      if (get(i) == element) {
        removeAt(i);
        return true;
      }
    }
    return false;
  }

  /**
   * Removes the last occurrence of this very object.
   *
   * @param element any
   * @return whether it was there
   */
  public boolean removeLast(Object element) {
    for (int i = size - 1; i >= 0; i--) {
      if (get(i) == element) {
        removeAt(i);
        return true;
      }
    }
    return false;
  }

  /**
   * Removes an element, and moves those of the end that is nearer.
   *
   * @param index from 0
   * @return what was there
   */
  public E removeAt(int index) {
    E removed = get(index);
    if (index < size / 2) {
      for (int i = index; i > 0; i--) {
        elements[place(i)] = elements[place(i - 1)];
      }
      elements[head] = null;
      head = place(1);
    } else {
      for (int i = index; i < size - 1; i++) {
        elements[place(i)] = elements[place(i + 1)];
      }
      elements[place(size - 1)] = null;
    }
    size--;
    return removed;
  }

  /**
   * Takes the last element.
   *
   * @return null if there is none
   */
  public E pollLast() {
    return size == 0 ? null : removeAt(size - 1);
  }

  @Override
  public Iterator<E> iterator() {
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < size;
      }

      @Override
      public E next() {
        if (next >= size) {
          throw new NoSuchElementException();
        }
        return get(next++);
      }

      @Override
      public void remove() {
        removeAt(--next);
      }
    };
  }
}
