package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.nio.IntBuffer;

/**
 * A shared array of ints, made by {@link MPIShared#ints}.
 *
 * <p>An example is at {@link MPIShared}.
 */
public final class SharedInts extends MPIShared<int[], IntBuffer> {

  SharedInts(Communicator communicator, long[] shape) {
    super(communicator, ElementType.INT, shape);
  }

  /**
   * Reads an element of an array of one dimension.
   *
   * @param i the element's index
   * @return its value on this node
   */
  public int get(long i) {
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
  public int get(long i, long j) {
    long at = index(i, j);
    return part(at).get(within(at));
  }

  /**
   * Reads an element.
   *
   * @param indices one for each dimension
   * @return its value on this node
   */
  public int get(long... indices) {
    long at = index(indices);
    return part(at).get(within(at));
  }
}
