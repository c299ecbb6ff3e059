package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.nio.DoubleBuffer;

/**
 * A shared array of doubles, made by {@link MPIShared#doubles}.
 *
 * <p>An example is at {@link MPIShared}.
 */
public final class SharedDoubles extends MPIShared<double[], DoubleBuffer> {

  SharedDoubles(Communicator communicator, long[] shape) {
    super(communicator, ElementType.DOUBLE, shape);
  }

  /**
   * Reads an element of an array of one dimension.
   *
   * @param i the element's index
   * @return its value on this node
   */
  public double get(long i) {
    long at = index(i);
    return part(at).get(within(at));
  }

  /**
   * Reads an element of an array of two dimensions.
   *
   * @param i the row
   * @param j the column
   * @return its value on this node
   */
  public double get(long i, long j) {
    long at = index(i, j);
    return part(at).get(within(at));
  }

  /**
   * Reads an element.
   *
   * @param indices one for each dimension
   * @return its value on this node
   */
  public double get(long... indices) {
    long at = index(indices);
    return part(at).get(within(at));
  }
}
