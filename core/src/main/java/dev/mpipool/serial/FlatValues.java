package dev.mpipool.serial;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * How values travel that refer to no others: null, boxed primitives, strings and primitive arrays.
 *
 * <pre>
 *   number:  | type (byte) | contents |
 *   string:  | type | length in chars (int) | a byte or two for each char |
 *   array:   | type | number of elements (int) | elements |
 * </pre>
 *
 * Elements of arrays, and chars of strings, are little-endian: most processors have them so in
 * memory, and arrays are then copied without a change. All else is big-endian.
 */
final class FlatValues {

  static final int NULL = 0;
  private static final int TRUE = 1;
  private static final int FALSE = 2;
  private static final int BYTE = 3;
  private static final int SHORT = 4;
  private static final int CHAR = 5;
  static final int INT = 6;
  private static final int LONG = 7;
  private static final int FLOAT = 8;
  private static final int DOUBLE = 9;
  private static final int LATIN_STRING = 10;
  private static final int WIDE_STRING = 11;
  private static final int BOOLEANS = 12;
  private static final int BYTES = 13;
  private static final int SHORTS = 14;
  private static final int CHARS = 15;
  private static final int INTS = 16;
  private static final int LONGS = 17;
  private static final int FLOATS = 18;
  private static final int DOUBLES = 19;

  private static final Map<Class<?>, Integer> TYPES =
      Map.ofEntries(
          Map.entry(Boolean.class, TRUE),
          Map.entry(Byte.class, BYTE),
          Map.entry(Short.class, SHORT),
          Map.entry(Character.class, CHAR),
          Map.entry(Integer.class, INT),
          Map.entry(Long.class, LONG),
          Map.entry(Float.class, FLOAT),
          Map.entry(Double.class, DOUBLE),
          Map.entry(String.class, LATIN_STRING),
          Map.entry(boolean[].class, BOOLEANS),
          Map.entry(byte[].class, BYTES),
          Map.entry(short[].class, SHORTS),
          Map.entry(char[].class, CHARS),
          Map.entry(int[].class, INTS),
          Map.entry(long[].class, LONGS),
          Map.entry(float[].class, FLOATS),
          Map.entry(double[].class, DOUBLES));

  private FlatValues() {}

  /**
   * The type of a value's class, for {@link #write}.
   *
   * @return null if values of that class are not flat
   */
  static Integer type(Class<?> type) {
    return TYPES.get(type);
  }

  static void write(int type, Object value, Output out) throws IOException {
    if (type == TRUE) {
      out.putByte((Boolean) value ? TRUE : FALSE);
    } else if (type < LATIN_STRING) {
      out.putByte(type);
      writeNumber(type, value, out);
    } else if (type == LATIN_STRING) {
      writeString((String) value, out);
    } else {
      out.putByte(type);
      writeArray(type, value, out);
    }
  }

  private static void writeNumber(int type, Object value, Output out) throws IOException {
    switch (type) {
      case BYTE -> out.putByte((Byte) value);
      case SHORT -> out.putShort((Short) value);
      case CHAR -> out.putShort((Character) value);
      case INT -> out.putInt((Integer) value);
      case LONG -> out.putLong((Long) value);
      case FLOAT -> out.putInt(Float.floatToRawIntBits((Float) value));
      default -> out.putLong(Double.doubleToRawLongBits((Double) value));
    }
  }

  static void writeString(String value, Output out) throws IOException {
    boolean latin = isLatin(value);
    out.putByte(latin ? LATIN_STRING : WIDE_STRING);
    out.putInt(value.length());
    if (latin) {
      out.put(value.getBytes(StandardCharsets.ISO_8859_1));
    } else {
      littleEndian(out.next(2L * value.length())).asCharBuffer().put(value);
    }
  }

  private static boolean isLatin(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) > 255) {
        return false;
      }
    }
    return true;
  }

  private static void writeArray(int type, Object value, Output out) throws IOException {
    switch (type) {
      case BOOLEANS -> {
        boolean[] array = (boolean[]) value;
        ByteBuffer room = room(out, array.length, 1);
        for (boolean element : array) {
          room.put((byte) (element ? 1 : 0));
        }
      }
      case BYTES -> room(out, ((byte[]) value).length, 1).put((byte[]) value);
      case SHORTS -> room(out, ((short[]) value).length, 2).asShortBuffer().put((short[]) value);
      case CHARS -> room(out, ((char[]) value).length, 2).asCharBuffer().put((char[]) value);
      case INTS -> room(out, ((int[]) value).length, 4).asIntBuffer().put((int[]) value);
      case LONGS -> room(out, ((long[]) value).length, 8).asLongBuffer().put((long[]) value);
      case FLOATS -> room(out, ((float[]) value).length, 4).asFloatBuffer().put((float[]) value);
      default -> room(out, ((double[]) value).length, 8).asDoubleBuffer().put((double[]) value);
    }
  }

  private static ByteBuffer room(Output out, int elements, int size) throws IOException {
    out.putInt(elements);
    return littleEndian(out.next((long) elements * size));
  }

  /**
   * Reads what follows a type.
   *
   * @throws IOException if there is no such type, or less follows than there should
   */
  static Object read(int type, ByteBuffer in) throws IOException {
    return switch (type) {
      case NULL -> null;
      case TRUE -> true;
      case FALSE -> false;
      case BYTE -> in.get();
      case SHORT -> in.getShort();
      case CHAR -> in.getChar();
      case INT -> in.getInt();
      case LONG -> in.getLong();
      case FLOAT -> Float.intBitsToFloat(in.getInt());
      case DOUBLE -> Double.longBitsToDouble(in.getLong());
      case LATIN_STRING -> latinString(part(in, 1));
      case WIDE_STRING -> littleEndian(part(in, 2)).asCharBuffer().toString();
      default -> array(type, in);
    };
  }

  /** Moves a buffer's position behind what follows a type. */
  static void skip(int type, ByteBuffer in) throws IOException {
    switch (type) {
      case NULL, TRUE, FALSE -> {}
      case BYTE, SHORT, CHAR, INT, LONG, FLOAT, DOUBLE -> part(in, 1, elementBytes(type));
      default -> part(in, elementBytes(type));
    }
  }

  /** How long one element is: of an array, a char of a string, or the number itself. */
  private static int elementBytes(int type) throws IOException {
    return switch (type) {
      case BYTE, LATIN_STRING, BOOLEANS, BYTES -> Byte.BYTES;
      case SHORT, CHAR, WIDE_STRING, SHORTS, CHARS -> Short.BYTES;
      case INT, FLOAT, INTS, FLOATS -> Integer.BYTES;
      case LONG, DOUBLE, LONGS, DOUBLES -> Long.BYTES;
      default -> throw new IOException("a value of the unknown type " + type);
    };
  }

  private static String latinString(ByteBuffer part) {
    if (part.hasArray()) {
      return new String(
          part.array(), part.arrayOffset(), part.remaining(), StandardCharsets.ISO_8859_1);
    }
    byte[] bytes = new byte[part.remaining()];
    part.get(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static Object array(int type, ByteBuffer in) throws IOException {
    int size = elementBytes(type);
    ByteBuffer part = littleEndian(part(in, size));
    int length = part.remaining() / size;
    switch (type) {
      case BOOLEANS -> {
        boolean[] array = new boolean[length];
        for (int i = 0; i < length; i++) {
          array[i] = part.get() != 0;
        }
        return array;
      }
      case BYTES -> {
        if (part.hasArray()) {
          return Payload.copy(part.array(), part.arrayOffset(), length);
        }
        byte[] array = new byte[length];
        part.get(array);
        return array;
      }
      case SHORTS -> {
        short[] array = new short[length];
        part.asShortBuffer().get(array);
        return array;
      }
      case CHARS -> {
        char[] array = new char[length];
        part.asCharBuffer().get(array);
        return array;
      }
      case INTS -> {
        int[] array = new int[length];
        part.asIntBuffer().get(array);
        return array;
      }
      case LONGS -> {
        long[] array = new long[length];
        part.asLongBuffer().get(array);
        return array;
      }
      case FLOATS -> {
        float[] array = new float[length];
        part.asFloatBuffer().get(array);
        return array;
      }
      default -> {
        double[] array = new double[length];
        part.asDoubleBuffer().get(array);
        return array;
      }
    }
  }

  /** The contents that follow a count of elements. */
  static ByteBuffer part(ByteBuffer in, int size) throws IOException {
    return part(in, in.getInt(), size);
  }

  static ByteBuffer part(ByteBuffer in, int elements, int size) throws IOException {
    long length = (long) elements * size;
    if (length < 0 || length > in.remaining()) {
      throw new IOException("a value of the impossible length " + elements);
    }
    ByteBuffer part = in.slice(in.position(), (int) length);
    in.position(in.position() + (int) length);
    return part;
  }

  private static ByteBuffer littleEndian(ByteBuffer contents) {
    return contents.order(ByteOrder.LITTLE_ENDIAN);
  }
}
