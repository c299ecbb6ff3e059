package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.nio.CharBuffer;

/**
 * A shared array of chars, made by {@link MPIShared#chars}.
 *
 * <p>An example is at {@link MPIShared}.
 */
public final class SharedChars extends MPIShared<char[], CharBuffer> {

  SharedChars(Communicator communicator, long[] shape) {
    super(communicator, ElementType.CHAR, shape);
  }

  /**
   * Reads an element of an array of one dimension.
   *
   * @param i the element's index
   * @return its value on this node
   */
  public char get(long i) {
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
  public char get(long i, long j) {
    long at = index(i, j);
    return part(at).get(within(at));
  }

  /**
   * Reads an element.
   *
   * @param indices one for each dimension
   * @return its value on this node
   */
  public char get(long... indices) {
    long at = index(indices);
    return part(at).get(within(at));
  }
}
