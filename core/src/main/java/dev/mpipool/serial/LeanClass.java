package dev.mpipool.serial;

import java.io.Externalizable;
import java.io.IOException;
import java.io.Serializable;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.SoftReference;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A record or enum class of this process: how its objects are taken apart and made. What is known
 * hangs on the class, and goes with it.
 *
 * <p>The description names the class and its components, in the order in which their values are
 * written, so that a rank with another version of the class can tell:
 *
 * <pre>
 *   description: | hash (int) | length in bytes (short) | text in UTF-8 |
 *   text:        class name { ; kind of the component, component name }
 * </pre>
 *
 * The kind is a letter: as in class files for primitive types, L for all others. The hash is that
 * of the text.
 */
final class LeanClass {

  private static final MethodType MAKE = MethodType.methodType(Object.class, Object[].class);

  /** Soft, for else a class of the JDK would keep the class loader that this class is from. */
  private static final ClassValue<SoftReference<LeanClass>> CLASSES =
      new ClassValue<>() {
        @Override
        protected SoftReference<LeanClass> computeValue(Class<?> type) {
          return new SoftReference<>(create(type));
        }
      };

  /**
   * A component of a record.
   *
   * @param index among the constructor's parameters
   * @param kind as in descriptions
   * @param getter reads the field, as Java's serialization does, not by the accessor
   */
  record Component(int index, String name, Class<?> type, char kind, MethodHandle getter) {}

  /** In the order in which they are written; none for an enum. */
  final Component[] components;

  /** The whole of it; null if objects are not to be written by it. */
  final byte[] description;

  /** Why objects cannot be made here, for messages; or null. */
  private final String obstacle;

  private final Class<?> type;
  private final MethodHandle constructor;

  private LeanClass(Class<?> type, String obstacle) {
    this.type = type;
    this.obstacle = obstacle;
    this.components = new Component[0];
    this.description = null;
    this.constructor = null;
  }

  private LeanClass(Class<?> type, MethodHandle constructor, Component[] components) {
    this.type = type;
    this.obstacle = null;
    this.components = components;
    this.constructor = constructor;
    boolean writable = Arrays.stream(components).allMatch(c -> mayHoldLean(c.type));
    this.description = writable ? describe() : null;
  }

  /** What is known of a class. */
  static LeanClass of(Class<?> type) {
    if (!type.isRecord() && !type.isEnum()) {
      return new LeanClass(type, "is neither a record nor an enum");
    }
    LeanClass known = CLASSES.get(type).get();
    while (known == null) {
      CLASSES.remove(type);
      known = CLASSES.get(type).get();
    }
    return known;
  }

  boolean isEnum() {
    return type.isEnum();
  }

  Class<?> type() {
    return type;
  }

  String obstacle() {
    return obstacle;
  }

  /**
   * A record of these values.
   *
   * @param values for the constructor's parameters
   * @throws Throwable what the constructor throws
   */
  Object make(Object[] values) throws Throwable {
    return constructor.invokeExact(values);
  }

  private static LeanClass create(Class<?> type) {
    if (type.isEnum()) {
      return new LeanClass(type, null, new Component[0]);
    }
    try {
      String obstacle = obstacle(type);
      return obstacle == null ? ofRecord(type) : new LeanClass(type, obstacle);
    } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
      return new LeanClass(type, "cannot be looked into: " + e);
    }
  }

  private static String obstacle(Class<?> type) {
    if (!Serializable.class.isAssignableFrom(type)) {
      return "is not serializable";
    }
    if (Externalizable.class.isAssignableFrom(type) || type.isHidden()) {
      return "is a special record";
    }
    for (Method method : type.getDeclaredMethods()) {
      boolean hook =
          method.getName().equals("writeReplace") || method.getName().equals("readResolve");
      if (hook && method.getParameterCount() == 0) {
        return "has a method %s".formatted(method.getName());
      }
    }
    return null;
  }

  private static LeanClass ofRecord(Class<?> type) throws ReflectiveOperationException {
    RecordComponent[] declared = type.getRecordComponents();
    Class<?>[] types =
        Arrays.stream(declared).map(RecordComponent::getType).toArray(Class<?>[]::new);
    Constructor<?> canonical = type.getDeclaredConstructor(types);
    if (!canonical.trySetAccessible()) {
      return new LeanClass(type, "is in a package that is not open to mpipool");
    }
    MethodHandle constructor =
        MethodHandles.lookup()
            .unreflectConstructor(canonical)
            .asFixedArity()
            .asSpreader(Object[].class, types.length)
            .asType(MAKE);
    List<Component> components = new ArrayList<>();
    for (int i = 0; i < declared.length; i++) {
      Field field = type.getDeclaredField(declared[i].getName());
      field.setAccessible(true);
      char kind = types[i].isPrimitive() ? types[i].descriptorString().charAt(0) : 'L';
      Class<?> got = types[i].isPrimitive() ? types[i] : Object.class;
      MethodHandle getter =
          MethodHandles.lookup()
              .unreflectGetter(field)
              .asType(MethodType.methodType(got, Object.class));
      components.add(new Component(i, field.getName(), types[i], kind, getter));
    }
    // what may turn out not to be lean comes first, before time is spent on the rest
    components.sort(Comparator.comparing(component -> isFlat(component.type)));
    return new LeanClass(type, constructor, components.toArray(Component[]::new));
  }

  private static boolean isFlat(Class<?> type) {
    return type.isPrimitive() || type.isEnum() || FlatValues.type(type) != null;
  }

  /** Whether something lean can be in a component of a type, besides null. */
  private static boolean mayHoldLean(Class<?> type) {
    return isFlat(type)
        || type.isInterface()
        || type == Object.class
        || type == Number.class
        || type == Enum.class
        || type == Record.class
        || LeanWriter.mayWrite(type);
  }

  private byte[] describe() {
    StringBuilder text = new StringBuilder(type.getName());
    for (Component component : components) {
      text.append(';').append(component.kind).append(component.name);
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    if (bytes.length > Short.MAX_VALUE) {
      return null;
    }
    Output out = new Output(Integer.BYTES + Short.BYTES + bytes.length);
    try {
      out.putInt(text.toString().hashCode());
      out.putShort(bytes.length);
      out.put(bytes);
    } catch (IOException e) {
      throw new IllegalStateException("a description is too long", e);
    }
    return out.toBuffer().array();
  }
}
