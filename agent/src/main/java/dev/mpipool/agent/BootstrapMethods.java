package dev.mpipool.agent;

import java.lang.invoke.LambdaMetafactory;

/**
 * The attribute of this name of a class file: what {@code invokedynamic} instructions call first.
 * Those that make a lambda call a method of {@link LambdaMetafactory}, whose arguments say whether
 * the lambda is serializable.
 */
final class BootstrapMethods {
  static final String NAME = "BootstrapMethods";

  /** Methods of the metafactory; the second is given flags and what they announce. */
  private static final String PLAIN = "metafactory";

  private static final String GENERAL = "altMetafactory";

  private static final String METAFACTORY = "java/lang/invoke/LambdaMetafactory";

  private static final String GENERAL_DESCRIPTOR =
      "(Ljava/lang/invoke/MethodHandles$Lookup;Ljava/lang/String;Ljava/lang/invoke/MethodType;"
          + "[Ljava/lang/Object;)Ljava/lang/invoke/CallSite;";

  private static final int STATIC_METHOD = 6;

  /** Which of the arguments are the flags. */
  private static final int FLAGS = 3;

  /** The tags of what the methods are given first. */
  private static final int[] ARGUMENTS = {
    ClassFile.METHOD_TYPE, ClassFile.METHOD_HANDLE, ClassFile.METHOD_TYPE
  };

  private static final int[] GENERAL_ARGUMENTS = {
    ClassFile.METHOD_TYPE, ClassFile.METHOD_HANDLE, ClassFile.METHOD_TYPE, ClassFile.INTEGER
  };

  private enum Kind {
    OTHER,
    PLAIN,
    GENERAL
  }

  private final ClassFile file;
  private final int begin;

  /** Where each entry begins. */
  private final int[] entries;

  private final Kind[] kinds;

  /** Reads the attribute of a class that has one. */
  BootstrapMethods(ClassFile file, int begin) {
    this.file = file;
    this.begin = begin;
    this.entries = new int[file.u2(begin + 6)];
    this.kinds = new Kind[entries.length];
    int at = begin + 8;
    for (int i = 0; i < entries.length; i++) {
      entries[i] = at;
      kinds[i] = kind(at);
      at += 4 + 2 * file.u2(at + 2);
    }
  }

  private Kind kind(int entry) {
    int handle = file.constant(file.u2(entry));
    int method = file.u2(handle + 1);
    if (file.u1(handle) != STATIC_METHOD
        || !file.utf8(file.first(file.first(method))).equals(METAFACTORY)) {
      return Kind.OTHER;
    }
    String name = file.utf8(file.first(file.second(method)));
    if (name.equals(PLAIN) && hasArguments(entry, ARGUMENTS)) {
      return Kind.PLAIN;
    }
    return name.equals(GENERAL) && hasArguments(entry, GENERAL_ARGUMENTS)
        ? Kind.GENERAL
        : Kind.OTHER;
  }

  /**
   * Whether the arguments of an entry begin with constants of these tags. No compiler writes
   * others, but they are allowed: those that are computed, for example.
   */
  private boolean hasArguments(int entry, int... tags) {
    if (file.u2(entry + 2) < tags.length) {
      return false;
    }
    for (int i = 0; i < tags.length; i++) {
      if (file.tag(file.u2(entry + 4 + 2 * i)) != tags[i]) {
        return false;
      }
    }
    return true;
  }

  /** Whether an entry makes lambdas. */
  boolean isOfMetafactory(int entry) {
    return kinds[entry] != Kind.OTHER;
  }

  /** Whether the lambdas of an entry are serializable already. */
  boolean isSerializable(int entry) {
    return (flags(entry) & LambdaMetafactory.FLAG_SERIALIZABLE) != 0;
  }

  private int flags(int entry) {
    return kinds[entry] == Kind.GENERAL ? file.u4(file.constant(argument(entry, FLAGS))) : 0;
  }

  /** How many arguments an entry has when its lambdas are serializable. */
  int arguments(int entry) {
    return Math.max(FLAGS + 1, file.u2(entries[entry] + 2));
  }

  /** The number of the constant that is an argument. */
  int argument(int entry, int argument) {
    return file.u2(entries[entry] + 4 + 2 * argument);
  }

  /** Writes the attribute so that all lambdas are serializable. */
  void write(Bytes out, NewConstants constants) {
    out.put(file.bytes(), begin, begin + 2).u4(0);
    final int content = out.size();
    out.u2(entries.length);
    for (int i = 0; i < entries.length; i++) {
      int arguments = file.u2(entries[i] + 2);
      int end = entries[i] + 4 + 2 * arguments;
      if (kinds[i] == Kind.OTHER || isSerializable(i)) {
        out.put(file.bytes(), entries[i], end);
        continue;
      }
      int method = kinds[i] == Kind.GENERAL ? file.u2(entries[i]) : general(constants);
      out.u2(method).u2(arguments(i));
      for (int each = 0; each < FLAGS; each++) {
        out.u2(argument(i, each));
      }
      out.u2(constants.integer(flags(i) | LambdaMetafactory.FLAG_SERIALIZABLE));
      for (int each = FLAGS + 1; each < arguments; each++) {
        out.u2(argument(i, each));
      }
    }
    out.setU4(content - 4, out.size() - content);
  }

  private static int general(NewConstants constants) {
    return constants.methodHandle(
        STATIC_METHOD,
        constants.method(ClassFile.METHOD, METAFACTORY, GENERAL, GENERAL_DESCRIPTOR));
  }
}
