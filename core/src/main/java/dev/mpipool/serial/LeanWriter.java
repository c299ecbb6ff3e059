package dev.mpipool.serial;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Writes a structure, or several that are one graph: records, enums and lists ({@link ArrayList})
 * of such and of flat values.
 *
 * <pre>
 *   value:   | a flat value |
 *            | 21 (byte) | class | components, in the order of the class's description |
 *            | 22 | class | name of the enum's constant, as a flat value |
 *            | 23 | number of elements (int) | elements |
 *            | 24 | number (int) of an object that has been met before |
 *   component: the bits of a primitive, or a value
 *   class:   | number (byte) of one that has been met before |
 *            | the next number | description, see LeanClass |
 * </pre>
 *
 * Records, lists, arrays and strings of more than {@value #SHORT_STRING} characters have numbers in
 * the order in which their ends are met: those that are one object arrive as one. The first numbers
 * are those of arrays that have been written before, apart from this.
 *
 * <p>What Java's serialization has to write fails: an object of any other class, a record that is
 * not serializable or has {@code writeReplace} or {@code readResolve}, a list in itself, and what
 * is nested more deeply than {@value #MOST_DEPTH}.
 */
final class LeanWriter {

  static final int RECORD = 21;
  static final int ENUM = 22;
  static final int LIST = 23;
  static final int SAME = 24;

  /** Strings up to this length are short enough to be written again. */
  static final int SHORT_STRING = 16;

  /** No structure is nested more deeply. */
  static final int MOST_DEPTH = 100;

  private static final int MOST_CLASSES = 256;

  private final Output out;
  private final Seen seen = new Seen();
  private LeanClass[] classes = new LeanClass[4];
  private int classCount;
  private int depth;

  private LeanWriter(Output out) {
    this.out = out;
  }

  /** Says that a value has no lean form; to be caught, so it has no trace. */
  static final class NotLeanException extends Exception {
    private static final long serialVersionUID = 1;

    private NotLeanException() {
      super("it has no lean form", null, false, false);
    }
  }

  /** Whether trying to write it is worth while. */
  static boolean mayWrite(Object value) {
    return value instanceof Record || value instanceof Enum || value.getClass() == ArrayList.class;
  }

  /** Whether trying to write objects of a class is worth while. */
  static boolean mayWrite(Class<?> type) {
    return type.isRecord() || type.isEnum() || type == ArrayList.class;
  }

  /**
   * Writes structures.
   *
   * @param values for which {@link #mayWrite(Object)} holds
   * @param before arrays that the reader has
   * @param out has some bytes more if this fails
   */
  static void write(List<?> values, List<?> before, Output out)
      throws IOException, NotLeanException {
    LeanWriter writer = new LeanWriter(out);
    before.forEach(writer.seen::add);
    for (Object value : values) {
      writer.write(value);
    }
  }

  private void write(Object value) throws IOException, NotLeanException {
    if (value == null) {
      out.putByte(FlatValues.NULL);
      return;
    }
    Integer flat = FlatValues.type(value.getClass());
    if (flat != null && !isNumbered(value)) {
      FlatValues.write(flat, value, out);
      return;
    }
    if (value instanceof Enum<?> constant) {
      writeEnum(constant);
      return;
    }
    int number = seen.number(value);
    if (number >= 0) {
      out.putByte(SAME);
      out.putInt(number);
      return;
    }
    if (flat != null) {
      FlatValues.write(flat, value, out);
    } else {
      writeNested(value);
    }
    seen.add(value);
  }

  /** Whether a flat value is remembered. */
  static boolean isNumbered(Object flat) {
    return flat instanceof String string
        ? string.length() > SHORT_STRING
        : flat.getClass().isArray();
  }

  private void writeNested(Object value) throws IOException, NotLeanException {
    if (++depth > MOST_DEPTH) {
      throw new NotLeanException();
    }
    if (value instanceof Record) {
      writeRecord(value);
    } else if (value.getClass() == ArrayList.class) {
      writeList((List<?>) value);
    } else {
      throw new NotLeanException();
    }
    depth--;
  }

  private void writeEnum(Enum<?> constant) throws IOException, NotLeanException {
    out.putByte(ENUM);
    writeClass(constant.getDeclaringClass());
    FlatValues.writeString(constant.name(), out);
  }

  private void writeList(List<?> list) throws IOException, NotLeanException {
    int size = list.size();
    out.putByte(LIST);
    out.putInt(size);
    int written = 0;
    for (Object element : list) {
      write(element);
      written++;
    }
    if (written != size) {
      throw new NotLeanException(); // it has changed meanwhile, which Java's serialization
      // reports
    }
  }

  private void writeRecord(Object value) throws IOException, NotLeanException {
    out.putByte(RECORD);
    LeanClass type = writeClass(value.getClass());
    try {
      for (LeanClass.Component component : type.components) {
        writeComponent(component.kind(), component.getter(), value);
      }
    } catch (IOException | NotLeanException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) { // no getter throws such
      throw new IllegalStateException(e);
    }
  }

  private void writeComponent(char kind, MethodHandle getter, Object value) throws Throwable {
    switch (kind) {
      case 'Z' -> out.putByte((boolean) getter.invokeExact(value) ? 1 : 0);
      case 'B' -> out.putByte((byte) getter.invokeExact(value));
      case 'S' -> out.putShort((short) getter.invokeExact(value));
      case 'C' -> out.putShort((char) getter.invokeExact(value));
      case 'I' -> out.putInt((int) getter.invokeExact(value));
      case 'J' -> out.putLong((long) getter.invokeExact(value));
      case 'F' -> out.putInt(Float.floatToRawIntBits((float) getter.invokeExact(value)));
      case 'D' -> out.putLong(Double.doubleToRawLongBits((double) getter.invokeExact(value)));
      default -> write((Object) getter.invokeExact(value));
    }
  }

  private LeanClass writeClass(Class<?> type) throws IOException, NotLeanException {
    for (int i = 0; i < classCount; i++) {
      if (classes[i].type() == type) {
        out.putByte(i);
        return classes[i];
      }
    }
    LeanClass lean = LeanClass.of(type);
    if (lean.description == null || classCount == MOST_CLASSES) {
      throw new NotLeanException();
    }
    out.putByte(classCount);
    out.put(lean.description);
    if (classCount == classes.length) {
      classes = Arrays.copyOf(classes, 4 * classCount);
    }
    classes[classCount++] = lean;
    return lean;
  }

  /** Objects and their numbers, from 0 on. */
  private static final class Seen {

    private static final int FEW = 8;

    private final Object[] few = new Object[FEW];
    private IdentityHashMap<Object, Integer> many;
    private int count;

    void add(Object value) {
      if (count < FEW) {
        few[count] = value;
      } else {
        if (many == null) {
          many = new IdentityHashMap<>(4 * FEW);
        }
        many.put(value, count);
      }
      count++;
    }

    /** The number of an object; -1 if it has none yet. */
    int number(Object value) {
      for (int i = 0; i < Math.min(count, FEW); i++) {
        if (few[i] == value) {
          return i;
        }
      }
      Integer number = many == null ? null : many.get(value);
      return number == null ? -1 : number;
    }
  }
}
