package dev.mpipool.serial;

import java.io.IOException;
import java.io.InvalidClassException;
import java.io.InvalidObjectException;
import java.io.Serializable;
import java.lang.reflect.Array;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.lang3.ClassUtils;

/**
 * Reads structures, as {@link LeanWriter} wrote them. The filter is asked what Java's serialization
 * would ask it; nothing is made of bytes that are not there, whatever lengths say.
 */
final class LeanReader {

  private final ByteBuffer in;
  private final LeanClasses classes;

  /** Null if there is no filter. */
  private final ClassFilter.Inquiry inquiry;

  private LeanClasses.Written[] met = new LeanClasses.Written[4];
  private int classCount;
  private Object[] objects = new Object[8];
  private int objectCount;
  private int depth;
  private long references;

  /** The class that is being looked for. */
  private String sought;

  private boolean missing;

  private LeanReader(ByteBuffer in, LeanClasses classes, ClassFilter filter) {
    this.in = in;
    this.classes = classes;
    this.inquiry = filter.inquire();
  }

  /**
   * Reads structures.
   *
   * @param in all of them and nothing else, from 0 on
   * @param count how many
   * @param before arrays that have been read before
   * @throws IOException if it cannot be read, or is rejected; the message says in which class
   */
  static Object[] read(
      ByteBuffer in, int count, List<?> before, LeanClasses classes, ClassFilter filter)
      throws IOException {
    LeanReader reader = new LeanReader(in, classes, filter);
    before.forEach(reader::add);
    try {
      Object[] values = new Object[count];
      for (int i = 0; i < count; i++) {
        values[i] = reader.value();
      }
      if (in.hasRemaining()) {
        throw new IOException("%d bytes follow a value".formatted(in.remaining()));
      }
      return values;
    } catch (Exception | Error e) {
      throw reader.failure(e);
    }
  }

  private IOException failure(Throwable e) {
    if (inquiry != null && inquiry.hasRejected()) {
      return e instanceof InvalidClassException rejection ? rejection : inquiry.rejection(e);
    }
    List<String> trail = new ArrayList<>();
    for (int i = 0; i < classCount; i++) {
      trail.add(met[i].here().type().getName());
    }
    if (sought != null) {
      trail.add(sought);
    }
    return e instanceof BufferUnderflowException
        ? new IOException("a value ends too early", e)
        : JavaSerializer.unreadable(e, missing ? sought : null, trail);
  }

  private Object value() throws IOException, ClassNotFoundException {
    depth++;
    references++;
    int type = in.get();
    Object value =
        switch (type) {
          case LeanWriter.RECORD -> add(record());
          case LeanWriter.ENUM -> constant();
          case LeanWriter.LIST -> add(list());
          case LeanWriter.SAME -> same();
          default -> flat(type);
        };
    depth--;
    return value;
  }

  private Object flat(int type) throws IOException {
    Object value = FlatValues.read(type, in);
    if (value == null) {
      return null;
    }
    if (inquiry != null) {
      askAboutFlat(value);
    }
    return LeanWriter.isNumbered(value) ? add(value) : value;
  }

  private void askAboutFlat(Object value) throws InvalidClassException {
    if (value.getClass().isArray()) {
      ask(value.getClass(), Array.getLength(value));
    } else if (ClassUtils.isPrimitiveWrapper(value.getClass())) {
      askAboutAll(value.getClass());
    }
  }

  private Object add(Object value) {
    if (objectCount == objects.length) {
      objects = Arrays.copyOf(objects, 2 * objectCount);
    }
    objects[objectCount++] = value;
    return value;
  }

  private Object same() throws IOException {
    ask(null, -1);
    int number = in.getInt();
    if (number < 0 || number >= objectCount) {
      throw new IOException("an object of the impossible number " + number);
    }
    return objects[number];
  }

  private Object list() throws IOException, ClassNotFoundException {
    enter();
    int size = in.getInt();
    if (size < 0 || size > in.remaining()) {
      throw new IOException("a list of the impossible length " + size);
    }
    askAboutAll(ArrayList.class);
    ask(Object[].class, size);
    List<Object> list = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      list.add(value());
    }
    return list;
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // what an enum's constants need
  private Object constant() throws IOException, ClassNotFoundException {
    LeanClass here = type().here();
    Object name = FlatValues.read(in.get(), in);
    if (!here.isEnum() || !(name instanceof String constant)) {
      throw new IOException("no constant of %s".formatted(here.type().getName()));
    }
    try {
      return Enum.valueOf((Class) here.type(), constant);
    } catch (IllegalArgumentException e) {
      throw invalid("enum constant %s does not exist in %s".formatted(constant, here.type()), e);
    }
  }

  private Object record() throws IOException, ClassNotFoundException {
    enter();
    LeanClasses.Written written = type();
    LeanClass here = written.here();
    if (here.isEnum()) {
      throw new IOException("%s is no record".formatted(here.type().getName()));
    }
    Object[] values = written.defaults().clone();
    LeanClass.Component[] targets = written.targets();
    for (int i = 0; i < targets.length; i++) {
      Object value = component(written.kinds()[i]);
      if (targets[i] != null) {
        values[targets[i].index()] = checked(value, targets[i], here);
      }
    }
    try {
      return here.make(values);
    } catch (Exception e) {
      throw invalid(e.getMessage(), e);
    } catch (Error e) {
      throw e;
    } catch (Throwable e) {
      throw invalid(e.toString(), e);
    }
  }

  private static InvalidObjectException invalid(String message, Throwable cause) {
    InvalidObjectException invalid = new InvalidObjectException(message);
    invalid.initCause(cause);
    return invalid;
  }

  private static Object checked(Object value, LeanClass.Component target, LeanClass here)
      throws InvalidClassException {
    if (value != null && target.kind() == 'L' && !target.type().isInstance(value)) {
      throw new InvalidClassException(
          "component %s of record %s is of type %s on this rank, and %s was written"
              .formatted(
                  target.name(),
                  here.type().getName(),
                  target.type().getTypeName(),
                  value.getClass().getTypeName()));
    }
    return value;
  }

  private Object component(char kind) throws IOException, ClassNotFoundException {
    return switch (kind) {
      case 'Z' -> in.get() != 0;
      case 'B' -> in.get();
      case 'S' -> in.getShort();
      case 'C' -> in.getChar();
      case 'I' -> in.getInt();
      case 'J' -> in.getLong();
      case 'F' -> Float.intBitsToFloat(in.getInt());
      case 'D' -> Double.longBitsToDouble(in.getLong());
      default -> value();
    };
  }

  private void enter() throws IOException {
    if (depth > LeanWriter.MOST_DEPTH) {
      throw new IOException("it is nested too deeply");
    }
  }

  private LeanClasses.Written type() throws IOException, ClassNotFoundException {
    int number = Byte.toUnsignedInt(in.get());
    if (number < classCount) {
      ask(null, -1);
      return met[number];
    }
    if (number > classCount) {
      throw new IOException("a class of the impossible number " + number);
    }
    int hash = in.getInt();
    ByteBuffer text = FlatValues.part(in, in.getShort(), 1);
    LeanClasses.Written written;
    try {
      written = classes.find(hash, text);
    } catch (ClassNotFoundException e) {
      sought = LeanClasses.name(text);
      missing = true;
      throw e;
    } catch (IOException | LinkageError e) {
      sought = LeanClasses.name(text);
      throw e;
    }
    askAboutAll(written.here().type());
    if (classCount == met.length) {
      met = Arrays.copyOf(met, 2 * classCount);
    }
    met[classCount++] = written;
    return written;
  }

  /** Asks about a class, and about the serializable ones that it extends. */
  private void askAboutAll(Class<?> type) throws InvalidClassException {
    for (Class<?> each = type;
        inquiry != null && each != null && Serializable.class.isAssignableFrom(each);
        each = each.getSuperclass()) {
      ask(each, -1);
    }
  }

  private void ask(Class<?> type, int length) throws InvalidClassException {
    if (inquiry != null) {
      inquiry.check(type, length, depth, references, in.position());
    }
  }
}
