package dev.mpipool;

import dev.mpipool.serial.ClassFilter;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.ProgramLoader;
import dev.mpipool.serial.Serializer;
import java.io.ObjectInputFilter;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** What tasks, results and exceptions are written and read with. */
final class Serializers {

  private static final String PROPERTY = "mpipool.serializer";

  private Serializers() {}

  /**
   * The serializer of one rank.
   *
   * @param ofBuilder null if the property decides
   * @param filter null for none
   */
  static LeanSerializer create(Serializer ofBuilder, ObjectInputFilter filter) {
    String name = System.getProperty(PROPERTY);
    if (ofBuilder == null && (name == null || name.isBlank())) {
      ClassFilter both = new ClassFilter(filter);
      return new LeanSerializer(new JavaSerializer(classLoader(), both), both);
    }
    if (filter != null) {
      throw new IllegalStateException(
          ("The pool's filter(...) would not be asked: it is for Java's serialization, and %s is chosen."
                  + " Drop one of the two; which classes are let in is then the serializer's own affair.")
              .formatted(
                  ofBuilder == null
                      ? "-D%s=%s".formatted(PROPERTY, name)
                      : "the serializer " + ofBuilder.format()));
    }
    return LeanSerializer.with(ofBuilder == null ? ofProperty(name) : ofBuilder, classLoader());
  }

  private static Serializer ofProperty(String name) {
    Object made;
    try {
      made =
          MethodHandles.publicLookup()
              .findConstructor(
                  Class.forName(name, true, classLoader()), MethodType.methodType(void.class))
              .invoke();
    } catch (ClassNotFoundException e) {
      throw unusable(name, "the class is not on the class path", e);
    } catch (NoSuchMethodException | IllegalAccessException e) {
      throw unusable(name, "it is no public class with a public constructor for no arguments", e);
    } catch (Throwable e) { // of the constructor
      boolean says = e instanceof Exception && e.getMessage() != null;
      throw unusable(name, says ? e.getMessage() : e.toString(), e);
    }
    if (made instanceof Serializer serializer) {
      return serializer;
    }
    throw unusable(name, "it does not implement " + Serializer.class.getName(), null);
  }

  private static IllegalArgumentException unusable(String name, String why, Throwable cause) {
    return new IllegalArgumentException(
        "-D%s=%s cannot be used: %s".formatted(PROPERTY, name, why), cause);
  }

  private static ClassLoader classLoader() {
    return ProgramLoader.find();
  }
}
