package dev.mpipool.wire;

import java.io.IOException;
import java.lang.reflect.Array;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Writes what tasks mostly consist of (boxed primitives, strings, primitive arrays, null) without
 * the overhead of a general serializer, and leaves everything else to one.
 *
 * <pre>
 *   value:   | type (byte) | contents |
 *   string:  | type | length in chars (int) | a byte or two for each char |
 *   array:   | type | number of elements (int) | elements |
 *   other:   | type | length in bytes (int) | what the general serializer made of it |
 * </pre>
 *
 * The general serializer is Java's. If the user has chosen another, that one writes the users'
 * values (with a type of their own), and Java's what mpipool puts around them, lambdas and
 * exceptions.
 *
 * <p>Values can follow each other in one body: {@link #read} leaves the buffer behind the value
 * even if the general serializer cannot read it.
 */
public final class LeanSerializer implements Serializer {

  private static final int NULL = 0;
  private static final int TRUE = 1;
  private static final int FALSE = 2;
  private static final int BYTE = 3;
  private static final int SHORT = 4;
  private static final int CHAR = 5;
  private static final int INT = 6;
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
  private static final int CHOSEN = 126;
  private static final int OTHER = 127;

  /** What has a lean form, for a quick decision. */
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

  private final Serializer others;
  private final ClassFilter filter;

  /** What the user has chosen; null for Java's own. */
  private final ChosenSerializer chosen;

  /**
   * Creates a serializer that asks no filter but the JVM's own.
   *
   * @param others for values without a lean form
   */
  public LeanSerializer(Serializer others) {
    this(others, new ClassFilter(null));
  }

  /**
   * Creates a serializer.
   *
   * @param others for values without a lean form
   * @param filter asked about arrays, and about what others make of these bytes, such as lambdas
   */
  public LeanSerializer(Serializer others, ClassFilter filter) {
    this.others = others;
    this.filter = filter;
    this.chosen = null;
  }

  private LeanSerializer(ClassLoader loader, ClassFilter filter, ChosenSerializer chosen) {
    this.others = new JavaSerializer(loader, filter, chosen);
    this.filter = filter;
    this.chosen = chosen;
  }

  /**
   * Creates a serializer that leaves the users' values to another than Java's.
   *
   * @param chosen for values without a lean form
   * @param loader where classes of lambdas are looked for
   * @return a serializer that asks no filter but the JVM's own
   */
  public static LeanSerializer with(Serializer chosen, ClassLoader loader) {
    return new LeanSerializer(loader, new ClassFilter(null), new ChosenSerializer(chosen));
  }

  @Override
  public String format() {
    return chosen == null ? others.format() : chosen.format();
  }

  /**
   * Whether {@link java.io.Serializable} is what lets a value travel.
   *
   * @return false if the user has chosen a serializer, which knows what it can write
   */
  public boolean isJavas() {
    return chosen == null;
  }

  ClassFilter filter() {
    return filter;
  }

  @Override
  public ByteBuffer encode(Object value) throws Exception {
    Output out = new Output(32);
    write(value, out);
    return out.toBuffer();
  }

  @Override
  public Object decode(ByteBuffer bytes) throws Exception {
    ByteBuffer in = bytes.duplicate();
    Object value = read(in);
    if (in.hasRemaining()) {
      throw new IOException("%d bytes follow a value".formatted(in.remaining()));
    }
    return value;
  }

  /**
   * Appends a value.
   *
   * @param value any, or null
   * @param out unchanged if this fails
   * @throws Exception if the value cannot travel
   */
  public void write(Object value, Output out) throws Exception {
    int start = out.length();
    try {
      if (value instanceof Integer number) { // first, for it is what is most often sent
        out.putByte(INT);
        out.putInt(number);
      } else if (value == null) {
        out.putByte(NULL);
      } else {
        Integer lean = TYPES.get(value.getClass());
        write(lean != null ? lean : isOwn(value) ? OTHER : CHOSEN, value, out);
      }
    } catch (Throwable e) {
      out.truncate(start);
      throw e;
    }
  }

  private void write(int type, Object value, Output out) throws Exception {
    switch (type) {
      case TRUE -> out.putByte((Boolean) value ? TRUE : FALSE);
      case LATIN_STRING -> writeString((String) value, out);
      case OTHER, CHOSEN -> {
        ByteBuffer encoded = type == OTHER ? others.encode(value) : chosen.encode(value);
        out.putByte(type);
        out.putInt(encoded.remaining());
        out.put(encoded);
      }
      default -> {
        out.putByte(type);
        if (type < LATIN_STRING) {
          writeNumber(type, value, out);
        } else {
          writeArray(type, value, out);
        }
      }
    }
  }

  /** Whether Java's serialization is to begin with it. */
  private boolean isOwn(Object value) {
    return chosen == null
        || value instanceof Carrier
        || value instanceof Throwable
        || Lambdas.site(value).isLambda();
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

  private static void writeString(String value, Output out) throws IOException {
    boolean latin = isLatin(value);
    out.putByte(latin ? LATIN_STRING : WIDE_STRING);
    out.putInt(value.length());
    if (latin) {
      out.put(ByteBuffer.wrap(value.getBytes(StandardCharsets.ISO_8859_1)));
    } else {
      out.next(2L * value.length()).asCharBuffer().put(value);
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
    return out.next((long) elements * size);
  }

  /**
   * Reads the value at a buffer's position, and moves the position behind it.
   *
   * @param in as {@link #write} filled it
   * @return the value
   * @throws Exception if it cannot be read
   */
  public Object read(ByteBuffer in) throws Exception {
    try {
      int type = in.get();
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
        case WIDE_STRING -> part(in, 2).asCharBuffer().toString();
        case OTHER -> others.decode(part(in, 1));
        case CHOSEN -> chosen(part(in, 1));
        default -> allowed(array(type, in));
      };
    } catch (BufferUnderflowException e) {
      throw new IOException("a value ends too early", e);
    }
  }

  private Object chosen(ByteBuffer part) throws IOException {
    if (chosen == null) {
      throw new IOException(
          "it was written by a serializer that somebody has chosen, and this rank has but %s"
              .formatted(format()));
    }
    return chosen.decode(part);
  }

  private Object allowed(Object array) throws IOException {
    filter.check(array.getClass(), Array.getLength(array));
    return array;
  }

  /** Moves a buffer's position behind the value that stands there, without reading it. */
  static void skip(ByteBuffer in) throws IOException {
    int type = in.get();
    switch (type) {
      case NULL, TRUE, FALSE -> {}
      case BYTE, SHORT, CHAR, INT, LONG, FLOAT, DOUBLE -> part(in, 1, elementBytes(type));
      default -> part(in, elementBytes(type));
    }
  }

  /** How long one element is: of an array, a char of a string, or the number itself. */
  private static int elementBytes(int type) throws IOException {
    return switch (type) {
      case BYTE, LATIN_STRING, BOOLEANS, BYTES, CHOSEN, OTHER -> Byte.BYTES;
      case SHORT, CHAR, WIDE_STRING, SHORTS, CHARS -> Short.BYTES;
      case INT, FLOAT, INTS, FLOATS -> Integer.BYTES;
      case LONG, DOUBLE, LONGS, DOUBLES -> Long.BYTES;
      default -> throw new IOException("a value of the unknown type " + type);
    };
  }

  private static String latinString(ByteBuffer part) {
    byte[] bytes = new byte[part.remaining()];
    part.get(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static Object array(int type, ByteBuffer in) throws IOException {
    int size = elementBytes(type);
    ByteBuffer part = part(in, size);
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
  private static ByteBuffer part(ByteBuffer in, int size) throws IOException {
    return part(in, in.getInt(), size);
  }

  private static ByteBuffer part(ByteBuffer in, int elements, int size) throws IOException {
    long length = (long) elements * size;
    if (length < 0 || length > in.remaining()) {
      throw new IOException("a value of the impossible length " + elements);
    }
    ByteBuffer part = in.slice(in.position(), (int) length);
    in.position(in.position() + (int) length);
    return part;
  }
}
