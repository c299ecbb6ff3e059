package dev.mpipool.agent;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which classes become serializable, so that lambdas can capture their objects: records, which are
 * values, and the classes that the user names. Never those that stand for something of this
 * process, of which a copy elsewhere would be wrong: a future, an executor, a thread, a lock, what
 * is to be closed. Never a class whose superclass stays as it is: its fields would not travel.
 *
 * <p>All of it is decided from class files: loading a class to look at it could be too early.
 */
final class Captures {
  /** Reads class files, those of the JDK included. */
  @FunctionalInterface
  interface ClassFiles {
    /** The class file of a class, by its name with slashes; null if it cannot be found. */
    byte[] find(String name);
  }

  private static final Set<String> OF_THIS_PROCESS =
      Set.of(
          "java/lang/AutoCloseable",
          "java/lang/Thread",
          "java/util/concurrent/CompletionStage",
          "java/util/concurrent/Executor",
          "java/util/concurrent/Future",
          "java/util/concurrent/locks/Condition",
          "java/util/concurrent/locks/Lock",
          "java/util/concurrent/locks/ReadWriteLock");

  private static final Set<String> SERIALIZABLE =
      Set.of("java/io/Serializable", "java/io/Externalizable");

  private static final int NO_CLASSES = ClassFile.INTERFACE | ClassFile.ENUM | ClassFile.MODULE;

  private final Names named;
  private final ClassFiles files;

  /** What is known of the supertypes that were looked at. */
  private final Map<String, Kind> kinds = new ConcurrentHashMap<>();

  private enum Kind {
    OF_THIS_PROCESS,
    SERIALIZABLE,
    OTHER
  }

  Captures(Names named, ClassFiles files) {
    this.named = named;
    this.files = files;
  }

  /** Whether the user has named a class. */
  boolean names(String className) {
    return named.contain(className);
  }

  /** Whether a class is to be made serializable. */
  boolean becomesSerializable(ClassFile type) {
    if ((type.access() & NO_CLASSES) != 0) {
      return false;
    }
    String superName = type.superName();
    if (!isRecord(superName) && !names(type.name())) {
      return false;
    }
    return kind(type) == Kind.OTHER && (isRoot(superName) || keepsFields(superName));
  }

  /** Whether the fields of a superclass travel with an object. */
  private boolean keepsFields(String name) {
    byte[] file = name.startsWith("java/") ? null : files.find(name);
    return file != null && becomesSerializable(new ClassFile(file));
  }

  private Kind kind(String name) {
    if (OF_THIS_PROCESS.contains(name)) {
      return Kind.OF_THIS_PROCESS;
    }
    if (SERIALIZABLE.contains(name)) {
      return Kind.SERIALIZABLE;
    }
    if (isRoot(name)) {
      return Kind.OTHER;
    }
    Kind known = kinds.get(name);
    if (known == null) {
      byte[] file = files.find(name);
      // One that cannot be found could be anything.
      known = file == null ? Kind.OF_THIS_PROCESS : kind(new ClassFile(file));
      kinds.put(name, known);
    }
    return known;
  }

  private Kind kind(ClassFile type) {
    Kind kind = type.superName() == null ? Kind.OTHER : kind(type.superName());
    for (String each : type.interfaces()) {
      Kind ofInterface = kind(each);
      if (ofInterface.compareTo(kind) < 0) {
        kind = ofInterface;
      }
    }
    return kind;
  }

  private static boolean isRecord(String superName) {
    return "java/lang/Record".equals(superName);
  }

  private static boolean isRoot(String name) {
    return name.equals("java/lang/Object") || isRecord(name);
  }
}
