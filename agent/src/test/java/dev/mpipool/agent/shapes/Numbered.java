package dev.mpipool.agent.shapes;

import java.io.Serializable;
import java.util.function.IntSupplier;

/** Serializable with the version number that Java computes, and with lambdas. */
public class Numbered implements Serializable, Comparable<Numbered> {
  private int number;

  /** Increments the number. */
  public IntSupplier next() {
    return () -> ++number;
  }

  /** A lambda that the compiler makes serializable. */
  public IntSupplier own() {
    return (IntSupplier & Serializable) () -> number;
  }

  @Override
  public int compareTo(Numbered other) {
    return Integer.compare(number, other.number);
  }
}
