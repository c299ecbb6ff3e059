package dev.mpipool.serial;

import java.io.IOException;
import java.lang.reflect.Array;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Writes what tasks mostly consist of without the overhead of a general serializer, and leaves
 * everything else to one.
 *
 * <pre>
 *   null, boxed primitives, strings, primitive arrays: see FlatValues
 *   structure: | type (byte) | length in bytes (int) | see LeanWriter |
 *   other:     | type | length in bytes (int) | what the general serializer made of it |
 *   attachment:      | 125 | number of bytes (int) | for a byte[] whose contents end the payload
 * </pre>
 *
 * The last is for one long array of those that are written together: the payload's attachment.
 *
 * <p>Several values that may have parts in common are a {@link ValueList}.
 *
 * <p>Structures are records, enums and {@link java.util.ArrayList}s, of such and of flat values.
 * They arrive as Java's serialization would bring them; what a lean form cannot keep as it is,
 * Java's serialization writes.
 *
 * <p>The general serializer is Java's. If the user has chosen another, that one writes the users'
 * values (with a type of their own), structures included, and Java's what mpipool puts around them,
 * lambdas and exceptions.
 *
 * <p>Values can follow each other in one payload: {@link #read} leaves the buffer behind the value
 * even if it cannot be read.
 */
public final class LeanSerializer implements Serializer {

  /** Behind the types of {@link FlatValues}. */
  private static final int STRUCTURE = 20;

  private static final int ATTACHMENT = 125;
  private static final int CHOSEN = 126;
  private static final int OTHER = 127;

  /** A type and a length, in bytes. */
  private static final int HEAD = 1 + Integer.BYTES;

  private final JavaSerializer others;
  private final ClassFilter filter;

  /** What the user has chosen; null for Java's own. */
  private final ChosenSerializer chosen;

  /** Of structures. */
  private final LeanClasses classes;

  /**
   * Creates a serializer that asks no filter but the JVM's own.
   *
   * @param others for values without a lean form
   */
  public LeanSerializer(JavaSerializer others) {
    this(others, new ClassFilter(null));
  }

  /**
   * Creates a serializer.
   *
   * @param others for values without a lean form
   * @param filter asked about arrays and structures, and about what others make of these bytes,
   *     such as lambdas
   */
  public LeanSerializer(JavaSerializer others, ClassFilter filter) {
    this.others = others;
    this.filter = filter;
    this.chosen = null;
    this.classes = new LeanClasses(others.loader());
  }

  private LeanSerializer(ClassLoader loader, ClassFilter filter, ChosenSerializer chosen) {
    this.others = new JavaSerializer(loader, filter, chosen);
    this.filter = filter;
    this.chosen = chosen;
    this.classes = new LeanClasses(loader);
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

  ClassLoader loader() {
    return others.loader();
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

  /**
   * A value as a payload. It may refer to an array of the value, as an attachment that is only
   * borrowed (see {@link Payload#isBorrowed}).
   *
   * @param value anything that can be written, or null
   * @return its bytes, for {@link #decodePayload}
   * @throws Exception if it cannot be written; the message says what is wrong
   */
  public Payload encodePayload(Object value) throws Exception {
    Output out = Output.borrowing(32);
    write(value, out);
    return out.toPayload();
  }

  @Override
  public Object decode(ByteBuffer bytes) throws Exception {
    return decodePayload(Payload.of(bytes));
  }

  /**
   * Reads a value.
   *
   * @param payload as {@link #encodePayload} or {@link #encode} made it; to be read once
   * @return the value, which may be the very array that is the payload's attachment
   * @throws Exception if it cannot be read
   */
  public Object decodePayload(Payload payload) throws Exception {
    ByteBuffer in = payload.beginning();
    Object value = read(in, payload);
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
        out.putByte(FlatValues.INT);
        out.putInt(number);
      } else if (value == null) {
        out.putByte(FlatValues.NULL);
      } else {
        writeObject(value, out);
      }
    } catch (Throwable e) {
      out.truncate(start);
      throw e;
    }
  }

  private void writeObject(Object value, Output out) throws Exception {
    Integer flat = FlatValues.type(value.getClass());
    if (value instanceof byte[] array && out.isForAttachment(array)) {
      out.putByte(ATTACHMENT);
      out.putInt(array.length);
      out.putAttachment(array);
    } else if (flat != null) {
      FlatValues.write(flat, value, out);
    } else if (chosen == null || value instanceof LambdaCode) { // code is the same for all pools
      writeMembers(List.of(value), List.of(), out);
    } else if (isOwn(value)) {
      put(OTHER, others.encode(value), out);
    } else {
      put(CHOSEN, chosen.encode(value), out);
    }
  }

  /** Writes objects that may have a lean form, which shows only on the way. */
  private void writeMembers(List<?> members, List<?> arrays, Output out) throws Exception {
    int start = out.length();
    if (mayBeLean(members)) {
      try {
        out.putByte(STRUCTURE);
        out.putInt(0);
        LeanWriter.write(members, arrays, out);
        out.setInt(start + 1, out.length() - start - HEAD);
        return;
      } catch (LeanWriter.NotLeanException
          | RuntimeException
          | StackOverflowError
          | OutOfMemoryError e) {
        out.truncate(start); // Java's serialization does better, or says why it cannot
      }
    }
    put(OTHER, others.encode(members, arrays), out);
  }

  private static boolean mayBeLean(List<?> members) {
    for (Object member : members) {
      if (!LeanWriter.mayWrite(member)) {
        return false;
      }
    }
    return true;
  }

  private static void put(int type, ByteBuffer encoded, Output out) throws IOException {
    out.putByte(type);
    out.putInt(encoded.remaining());
    out.put(encoded);
  }

  /** Whether Java's serialization is to begin with it. */
  private boolean isOwn(Object value) {
    return chosen == null
        || value instanceof InternalType
        || value instanceof Throwable
        || Lambdas.site(value).isLambda();
  }

  /**
   * Reads the value at a buffer's position, and moves the position behind it.
   *
   * @param in as {@link #write} filled it
   * @return the value
   * @throws Exception if it cannot be read
   */
  public Object read(ByteBuffer in) throws Exception {
    return read(in, null);
  }

  /**
   * Reads the value at a buffer's position, and moves the position behind it.
   *
   * @param in what is left of the payload's beginning
   * @param payload has the attachment, if that is what the value is; null where there can be none
   */
  Object read(ByteBuffer in, Payload payload) throws Exception {
    try {
      int type = in.get();
      return switch (type) {
        case OTHER -> others.decode(FlatValues.part(in, 1));
        case CHOSEN -> checkedChosen().decode(FlatValues.part(in, 1));
        case STRUCTURE -> structures(FlatValues.part(in, 1), 1, List.of())[0];
        case ATTACHMENT -> allowed(attachment(in, payload));
        default -> allowed(FlatValues.read(type, in));
      };
    } catch (BufferUnderflowException e) {
      throw new IOException("a value ends too early", e);
    }
  }

  /**
   * Writes objects that may have parts in common, as one graph.
   *
   * @param members the objects
   * @param arrays primitive arrays that the graph refers to by number, with Java's serialization
   */
  void writeGraph(List<Object> members, List<Object> arrays, Output out) throws Exception {
    if (chosen == null) {
      writeMembers(members, arrays, out);
    } else if (members.stream().anyMatch(this::isOwn)) {
      put(OTHER, others.encode(members, List.of()), out);
    } else {
      put(CHOSEN, chosen.encodeAll(members), out);
    }
  }

  /** Reads what {@link #writeGraph} wrote. */
  Object[] readGraph(ByteBuffer graph, int count, List<?> arrays) throws IOException {
    int type = graph.get();
    ByteBuffer part = FlatValues.part(graph, 1);
    return switch (type) {
      case OTHER -> others.decode(part, count, arrays);
      case CHOSEN -> checkedChosen().decodeAll(part, count);
      case STRUCTURE -> structures(part, count, arrays);
      default -> throw new IOException("a graph of the unknown type " + type);
    };
  }

  private static byte[] attachment(ByteBuffer in, Payload payload) throws IOException {
    int length = in.getInt();
    if (payload == null) {
      throw new IOException("an array is to end what does not end with it");
    }
    return payload.takeAttachment(length, in);
  }

  private ChosenSerializer checkedChosen() throws IOException {
    if (chosen == null) {
      throw new IOException(
          "it was written by a serializer that a program has chosen, and this rank has only %s"
              .formatted(format()));
    }
    return chosen;
  }

  private Object[] structures(ByteBuffer part, int count, List<?> arrays) throws IOException {
    return LeanReader.read(part, count, arrays, classes, filter);
  }

  private Object allowed(Object value) throws IOException {
    if (value != null && value.getClass().isArray()) {
      filter.check(value.getClass(), Array.getLength(value));
    }
    return value;
  }

  /** Moves a buffer's position behind the value that stands there, without reading it. */
  static void skip(ByteBuffer in) throws IOException {
    int type = in.get();
    switch (type) {
      case OTHER, CHOSEN, STRUCTURE -> FlatValues.part(in, 1);
      default -> FlatValues.skip(type, in);
    }
  }
}
