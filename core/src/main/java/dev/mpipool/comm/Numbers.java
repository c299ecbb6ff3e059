package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import org.apache.commons.lang3.Validate;

/** Encodes arrays of numbers as big-endian bytes, and applies operators to them. */
final class Numbers {

  private Numbers() {}

  static byte[] bytes(double[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES);
    bytes.asDoubleBuffer().put(values);
    return bytes.array();
  }

  static byte[] bytes(long[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES);
    bytes.asLongBuffer().put(values);
    return bytes.array();
  }

  static double[] doubles(byte[] bytes) {
    double[] values = new double[bytes.length / Double.BYTES];
    ByteBuffer.wrap(bytes).asDoubleBuffer().get(values);
    return values;
  }

  static long[] longs(byte[] bytes) {
    long[] values = new long[bytes.length / Long.BYTES];
    ByteBuffer.wrap(bytes).asLongBuffer().get(values);
    return values;
  }

  static BinaryOperator<byte[]> onDoubles(DoubleBinaryOperator operator) {
    return (lower, upper) -> {
      double[] values = doubles(lower);
      double[] others = doubles(upper);
      checkLengths(values.length, others.length);
      for (int i = 0; i < values.length; i++) {
        values[i] = operator.applyAsDouble(values[i], others[i]);
      }
      return bytes(values);
    };
  }

  static BinaryOperator<byte[]> onLongs(LongBinaryOperator operator) {
    return (lower, upper) -> {
      long[] values = longs(lower);
      long[] others = longs(upper);
      checkLengths(values.length, others.length);
      for (int i = 0; i < values.length; i++) {
        values[i] = operator.applyAsLong(values[i], others[i]);
      }
      return bytes(values);
    };
  }

  private static void checkLengths(int one, int other) {
    Validate.isTrue(
        one == other,
        "Ranks gave arrays of different lengths, %d and %d, to be combined",
        one,
        (Object) other);
  }
}
