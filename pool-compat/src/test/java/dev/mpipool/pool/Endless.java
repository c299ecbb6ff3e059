package dev.mpipool.pool;

import java.util.Iterator;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** Counts from 0 for ever, and how many have been taken. */
final class Endless implements Iterable<Integer> {

  final AtomicInteger taken = new AtomicInteger();

  @Override
  public Iterator<Integer> iterator() {
    return Stream.generate(taken::getAndIncrement).iterator();
  }
}
