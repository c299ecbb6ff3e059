package dev.mpipool.serial;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Values that are written together, such as the arguments of one call: an object that several of
 * them refer to is one object where they are read, too.
 *
 * <p>As long as at most one of the values can refer to objects, they simply follow each other, but
 * for what is the same object:
 *
 * <pre>
 *   same:    | 123 | number of the value before that it is (short) |
 * </pre>
 *
 * <p>Otherwise values may have parts in common. Then all that can refer to objects become one
 * graph, which follows the last value, and which has but the numbers of the primitive arrays among
 * the values:
 *
 * <pre>
 *   later:   | 124 | for a value that is in the graph
 *   graph:   | type | length in bytes (int) | what LeanWriter, Java's serialization or the chosen
 *                                             serializer made of those values, in their order |
 * </pre>
 *
 * <p>A chosen serializer does not know numbers of arrays: they are in its graph.
 */
public final class ValueList {

  /** Besides the types of {@link LeanSerializer}. */
  private static final int SAME = 123;

  private static final int LATER = 124;

  private ValueList() {}

  /**
   * Appends values that may refer to the same objects.
   *
   * @param serializer for each of them
   * @param values any, and nulls
   * @param out spoiled if this fails
   * @throws Exception if a value cannot travel
   */
  public static void write(LeanSerializer serializer, Object[] values, Output out)
      throws Exception {
    int withIdentity = 0;
    if (values.length > 1) {
      for (Object value : values) {
        withIdentity += hasIdentity(value) ? 1 : 0;
      }
    }
    if (withIdentity > 1) {
      writeTogether(serializer, values, out);
      return;
    }
    for (Object value : values) {
      serializer.write(value, out);
    }
  }

  private static void writeTogether(LeanSerializer serializer, Object[] values, Output out)
      throws Exception {
    List<Object> arrays = new ArrayList<>();
    List<Object> objects = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      if (hasIdentity(values[i]) && firstPlace(values, i) == i) {
        (isFlat(values[i]) ? arrays : objects).add(values[i]);
      }
    }
    boolean graph = !objects.isEmpty() && arrays.size() + objects.size() > 1;
    boolean javas = serializer.isJavas();
    List<Object> members = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      Object value = values[i];
      int place = hasIdentity(value) ? firstPlace(values, i) : i;
      if (place < i) {
        out.putByte(SAME);
        out.putShort(place);
      } else if (graph && hasIdentity(value) && !(javas && isFlat(value))) {
        out.putByte(LATER);
        members.add(value);
      } else {
        serializer.write(value, out);
      }
    }
    if (graph) {
      serializer.writeGraph(members, arrays, out);
    }
  }

  /** Whether the same object twice is something else than two equal ones. */
  private static boolean hasIdentity(Object value) {
    if (value == null || value instanceof Enum || value instanceof Class) {
      return false;
    }
    Class<?> type = value.getClass();
    if (FlatValues.type(type) != null) {
      return type.isArray();
    }
    return !(value instanceof Handle)
        && !(type.isHidden() && Lambdas.site(value).isLambda() && !Lambdas.site(value).captures());
  }

  private static boolean isFlat(Object value) {
    return FlatValues.type(value.getClass()) != null;
  }

  /** Where a value is for the first time. */
  private static int firstPlace(Object[] values, int last) {
    int place = 0;
    while (values[place] != values[last]) {
      place++;
    }
    return place;
  }

  /**
   * Reads the values at a buffer's position, and moves the position behind them, even if one cannot
   * be read.
   *
   * @param serializer for each of them
   * @param count how many were written together
   * @param in what is left of the payload's beginning, as {@link #write} filled it
   * @param payload has the attachment, if there is one; else null
   * @return the values
   * @throws Exception if one cannot be read
   */
  public static Object[] read(LeanSerializer serializer, int count, ByteBuffer in, Payload payload)
      throws Exception {
    Object[] values = new Object[count];
    boolean complete = true;
    Throwable failure = null;
    for (int i = 0; i < count; i++) {
      try {
        values[i] = readNext(serializer, in, payload);
        complete &= !(values[i] instanceof Reference);
      } catch (Exception | Error e) {
        failure = e;
      }
    }
    if (!complete) {
      ByteBuffer graph = graph(values, in);
      if (failure == null) {
        complete(serializer, values, graph);
      }
    }
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure instanceof Exception exception) {
      throw exception;
    }
    return values;
  }

  /**
   * In the place of a value that is not known yet.
   *
   * @param place of the value that it is the same as; -1 for one in the graph
   */
  private record Reference(int place) {
    static final Reference TO_GRAPH = new Reference(-1);
  }

  private static Object readNext(LeanSerializer serializer, ByteBuffer in, Payload payload)
      throws Exception {
    int type = in.hasRemaining() ? in.get(in.position()) : 0;
    if (type == LATER) {
      in.get();
      return Reference.TO_GRAPH;
    }
    if (type == SAME) {
      return new Reference(
          FlatValues.part(in.position(in.position() + 1), 1, Short.BYTES).getShort());
    }
    return serializer.read(in, payload);
  }

  /** The graph that follows values; null if there is none. */
  private static ByteBuffer graph(Object[] values, ByteBuffer in) throws IOException {
    if (!Arrays.asList(values).contains(Reference.TO_GRAPH)) {
      return null;
    }
    int start = in.position();
    LeanSerializer.skip(in);
    return in.slice(start, in.position() - start);
  }

  private static void complete(LeanSerializer serializer, Object[] values, ByteBuffer graph)
      throws IOException {
    if (graph != null) {
      List<Object> arrays = new ArrayList<>();
      List<Integer> places = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        if (values[i] == Reference.TO_GRAPH) {
          places.add(i);
        } else if (!(values[i] instanceof Reference) && hasIdentity(values[i])) {
          arrays.add(values[i]);
        }
      }
      Object[] members = serializer.readGraph(graph, places.size(), arrays);
      for (int i = 0; i < members.length; i++) {
        values[places.get(i)] = members[i];
      }
    }
    for (int i = 0; i < values.length; i++) {
      if (values[i] instanceof Reference reference) {
        int place = reference.place();
        if (place < 0 || place >= i) {
          throw new IOException(
              "a value that is the same as one of the impossible number " + place);
        }
        values[i] = values[place];
      }
    }
  }

  /**
   * Moves a buffer's position behind values that were written together, without reading them.
   *
   * @param count how many
   * @param in as {@link #write} filled it
   * @throws IOException if something else is there
   */
  public static void skip(int count, ByteBuffer in) throws IOException {
    boolean graph = false;
    for (int i = 0; i < count; i++) {
      int type = in.get(in.position());
      if (type == LATER || type == SAME) {
        FlatValues.part(in, 1, type == LATER ? 1 : 1 + Short.BYTES);
        graph |= type == LATER;
      } else {
        LeanSerializer.skip(in);
      }
    }
    if (graph) {
      LeanSerializer.skip(in);
    }
  }
}
