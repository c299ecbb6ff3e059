package dev.mpipool.serial;

import java.io.IOException;
import java.io.InvalidClassException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The classes of structures that come from other ranks, as a class loader of this rank has them.
 * Components are matched by name, as Java's serialization does: one that was not written has its
 * default, one that is not here is read and forgotten. Thread-safe.
 */
final class LeanClasses {

  /** Descriptions that are remembered; a program has fewer, unless they are damaged. */
  private static final int MOST_KNOWN = 1_000;

  private final ClassLoader loader;
  private final Map<Integer, Written> known = new ConcurrentHashMap<>();

  LeanClasses(ClassLoader loader) {
    this.loader = loader;
  }

  /**
   * A class as another rank has written it.
   *
   * @param description its text
   * @param here the class as it is on this rank
   * @param kinds of the components that were written
   * @param targets which component each of them is here; null for one that is not
   * @param defaults what the constructor gets for those that were not written
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Written(
      ByteBuffer description,
      LeanClass here,
      char[] kinds,
      LeanClass.Component[] targets,
      Object[] defaults) {}

  /** The name in a description's text. */
  static String name(ByteBuffer text) {
    return parts(text)[0];
  }

  private static String[] parts(ByteBuffer text) {
    return StandardCharsets.UTF_8.decode(text.duplicate()).toString().split(";", -1);
  }

  /**
   * The class that a description is of.
   *
   * @param hash of the text
   * @param text not changed after; only read
   * @throws ClassNotFoundException if this rank has none of that name
   * @throws IOException if no objects of it can be made here
   */
  Written find(int hash, ByteBuffer text) throws IOException, ClassNotFoundException {
    Written found = known.get(hash);
    if (found != null && found.description.equals(text)) {
      return found;
    }
    String[] parts = parts(text);
    Written resolved = resolve(ByteBuffer.allocate(text.remaining()).put(text.duplicate()), parts);
    if (String.join(";", parts).hashCode() == hash) {
      if (known.size() >= MOST_KNOWN) {
        known.clear();
      }
      known.put(hash, resolved);
    }
    return resolved;
  }

  private Written resolve(ByteBuffer description, String[] parts)
      throws IOException, ClassNotFoundException {
    LeanClass here = LeanClass.of(Class.forName(parts[0], false, loader));
    if (here.obstacle() != null) {
      throw new InvalidClassException(
          "class %s %s on this rank".formatted(parts[0], here.obstacle()));
    }
    char[] kinds = new char[parts.length - 1];
    LeanClass.Component[] targets = new LeanClass.Component[kinds.length];
    for (int i = 0; i < kinds.length; i++) {
      String part = parts[i + 1];
      if (part.length() < 2) {
        throw new IOException("a component without a name");
      }
      kinds[i] = part.charAt(0);
      targets[i] = target(here, kinds[i], part.substring(1));
    }
    return new Written(description.flip(), here, kinds, targets, defaults(here));
  }

  private static LeanClass.Component target(LeanClass here, char kind, String name)
      throws InvalidClassException {
    for (LeanClass.Component component : here.components) {
      if (component.name().equals(name)) {
        if (component.kind() != kind) {
          throw new InvalidClassException(
              "component %s of record %s is of type %s on this rank, and of another where it was written (%s)"
                  .formatted(name, here.type().getName(), component.type().getTypeName(), kind));
        }
        return component;
      }
    }
    return null;
  }

  private static Object[] defaults(LeanClass here) {
    Object[] defaults = new Object[here.components.length];
    for (LeanClass.Component component : here.components) {
      defaults[component.index()] =
          switch (component.kind()) {
            case 'Z' -> false;
            case 'B' -> (byte) 0;
            case 'S' -> (short) 0;
            case 'C' -> (char) 0;
            case 'I' -> 0;
            case 'J' -> 0L;
            case 'F' -> 0f;
            case 'D' -> 0d;
            default -> null;
          };
    }
    return defaults;
  }
}
