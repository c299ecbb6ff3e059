package dev.mpipool.dispatch;

import java.util.concurrent.CompletableFuture;

/**
 * What became of one element of a batch; it knows which.
 *
 * @param <T> the type of the result
 */
public final class ElementFuture<T> extends CompletableFuture<T> {

  private final long index;

  /**
   * A future of an element.
   *
   * @param index the element's place among all, from 0
   */
  public ElementFuture(long index) {
    this.index = index;
  }

  /**
   * Which element it is.
   *
   * @return its place among all, from 0
   */
  public long index() {
    return index;
  }
}
