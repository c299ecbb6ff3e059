package dev.mpipool.serial;

import java.io.Externalizable;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.ObjectStreamField;
import java.io.Serializable;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Finds the way from a value to the object inside it that keeps it from being serialized, for error
 * messages.
 *
 * <p>A breadth-first walk over what serialization would write, so the way found is a shortest one.
 * It looks into fields by reflection, into collections by iteration, and into lambdas by the form
 * in which they are serialized. What it may not look into (private fields of the JDK's classes) and
 * what lies behind a class's own {@code writeObject} it passes over; so it may find nothing.
 */
final class FieldPath {

  /** The walk serves a message: it ends before it can be felt. */
  private static final int MOST_OBJECTS = 100_000;

  /**
   * What is nested more deeply than this is called deep, if serialization has found it too deep.
   */
  private static final int DEEP = 200;

  /** So much of a deep way is shown. */
  private static final int SHOWN = 5;

  /** What serialization calls in the program's own classes. */
  private static final Set<String> HOOKS = Set.of("writeObject", "writeReplace", "writeExternal");

  private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
  private final ArrayDeque<Step> open = new ArrayDeque<>();

  private FieldPath() {}

  private record Step(Step from, int depth, String name, Object value) {

    List<String> names() {
      List<String> names = new ArrayList<>();
      for (Step step = this; step != null; step = step.from) {
        names.add(step.name);
      }
      Collections.reverse(names);
      return names;
    }

    String named(String path) {
      return "class %s: %s".formatted(value.getClass().getTypeName(), path);
    }

    @Override
    public String toString() {
      return String.join("", names());
    }
  }

  /**
   * The way to the first object that is not serializable, for example {@code
   * Main$Job.names[3].lock}.
   */
  static Optional<String> toUnserializable(Object root) {
    return search(root, step -> !(replacement(step.value) instanceof Serializable))
        .map(Step::toString);
  }

  /** An object that is nested very deeply: its class, and the begin of the way to it. */
  static Optional<String> toDeepest(Object root) {
    return search(root, step -> step.depth > DEEP)
        .map(step -> step.named(String.join("", step.names().subList(0, SHOWN)) + "..."));
  }

  /**
   * The first object of the class whose own code for serialization has thrown, and the way to it.
   */
  static Optional<String> toThrower(Object root, Throwable thrown) {
    return thrower(thrown)
        .flatMap(name -> search(root, step -> step.value.getClass().getName().equals(name)))
        .map(step -> step.named(step.toString()));
  }

  private static Optional<String> thrower(Throwable thrown) {
    return Arrays.stream(thrown.getStackTrace())
        .filter(frame -> HOOKS.contains(frame.getMethodName()))
        .map(StackTraceElement::getClassName)
        .filter(name -> !name.equals(ObjectOutputStream.class.getName()))
        .findFirst();
  }

  private static Optional<Step> search(Object root, Predicate<Step> wanted) {
    if (root == null) {
      return Optional.empty();
    }
    try {
      return new FieldPath().walk(root, wanted);
    } catch (RuntimeException | Error e) {
      return Optional.empty(); // whatever a collection's own iterator does, the message comes first
    }
  }

  private Optional<Step> walk(Object root, Predicate<Step> wanted) {
    if (root instanceof TaskCall task) {
      add(null, TaskName.of(task.code()), task.code());
      List<Object> arguments = task.arguments();
      for (int i = 0; i < arguments.size(); i++) {
        add(null, "argument %d, %s".formatted(i + 1, describe(arguments.get(i))), arguments.get(i));
      }
    } else {
      add(null, describe(root), root);
    }
    while (!open.isEmpty()) {
      Step step = open.poll();
      if (wanted.test(step)) {
        return Optional.of(step);
      }
      Object written = replacement(step.value);
      if (written instanceof SerializedLambda lambda) {
        for (int i = 0; i < lambda.getCapturedArgCount(); i++) {
          Object captured = lambda.getCapturedArg(i);
          add(step, ", captured %s".formatted(describe(captured)), captured);
        }
      } else {
        expand(step, written);
      }
    }
    return Optional.empty();
  }

  private void expand(Step step, Object value) {
    if (value instanceof Object[] array) {
      for (int i = 0; i < Array.getLength(array); i++) {
        add(step, "[%d]".formatted(i), array[i]);
      }
    } else if (value instanceof Map<?, ?> map) {
      map.forEach(
          (key, element) -> {
            add(step, ".key(%s)".formatted(describe(key)), key);
            add(step, "[%s]".formatted(describe(key)), element);
          });
    } else if (value instanceof Iterable<?> iterable
        && value.getClass().getName().startsWith("java.")) {
      int i = 0;
      for (Object element : iterable) {
        add(step, "[%d]".formatted(i++), element);
      }
    }
    if (!(value instanceof Externalizable)
        && !(value instanceof Enum)
        && !(value instanceof Class)) {
      expandFields(step, value);
    }
  }

  private void expandFields(Step step, Object value) {
    for (Class<?> type = value.getClass(); type != null; type = type.getSuperclass()) {
      ObjectStreamClass description = ObjectStreamClass.lookup(type);
      if (description == null) {
        return;
      }
      for (ObjectStreamField streamField : description.getFields()) {
        if (!streamField.isPrimitive()) {
          addField(step, type, streamField.getName(), value);
        }
      }
    }
  }

  private void addField(Step step, Class<?> type, String name, Object value) {
    try {
      Field field = type.getDeclaredField(name);
      if (open(field)) {
        add(step, "." + name, field.get(value));
      }
    } catch (ReflectiveOperationException e) {
      // a class with serialPersistentFields names what is no field of its own
    }
  }

  private void add(Step from, String name, Object value) {
    if (value != null && seen.size() < MOST_OBJECTS && seen.add(value)) {
      open.add(new Step(from, from == null ? 0 : from.depth + 1, name, value));
    }
  }

  /** What is written in an object's place: for lambdas their serialized form. */
  private static Object replacement(Object value) {
    for (Class<?> type = value.getClass(); type != null; type = type.getSuperclass()) {
      try {
        Method method = type.getDeclaredMethod("writeReplace");
        Object written = open(method) ? method.invoke(value) : value;
        return written == null ? value : written;
      } catch (NoSuchMethodException e) {
        // look in the superclass
      } catch (ReflectiveOperationException e) {
        return value;
      }
    }
    return value;
  }

  private static boolean open(AccessibleObject member) {
    return member.trySetAccessible();
  }

  private static String describe(Object value) {
    if (value instanceof String || value instanceof Number) {
      return value.toString();
    }
    return value == null ? "null" : value.getClass().getTypeName();
  }
}
