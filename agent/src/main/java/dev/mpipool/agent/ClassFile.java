package dev.mpipool.agent;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * A class file, read as far as lambdas need it: the constants, and where the other parts are. Which
 * lambdas a class has is said by its constants, so the code of its methods need not be read.
 */
final class ClassFile {
  /** The most constants, and the most of what has a number of two bytes. */
  static final int MOST = 0xFFFF;

  /** Access flags. */
  static final int INTERFACE = 0x0200;

  static final int ENUM = 0x4000;
  static final int MODULE = 0x8000;

  /** Tags of constants. */
  static final int UTF8 = 1;

  static final int INTEGER = 3;
  static final int LONG = 5;
  static final int DOUBLE = 6;
  static final int CLASS = 7;
  static final int STRING = 8;
  static final int METHOD = 10;
  static final int INTERFACE_METHOD = 11;
  static final int NAME_AND_TYPE = 12;
  static final int METHOD_HANDLE = 15;
  static final int METHOD_TYPE = 16;
  static final int INVOKE_DYNAMIC = 18;

  /** Bytes behind each tag; -1: no such tag, or a length of its own. */
  private static final byte[] LENGTHS = {
    -1, -1, -1, 4, 4, 8, 8, 2, 2, 4, 4, 4, 4, -1, -1, 3, 2, 4, 4, 2, 2
  };

  private static final int MAGIC = 0xCAFEBABE;

  /** Where the number of constants is. */
  static final int COUNT = 8;

  private static final int CONSTANTS = COUNT + 2;

  private final byte[] bytes;

  /** For each constant, where its tag is. */
  private final int[] constants;

  private final int header;
  private int invokeDynamics;

  /** Where the methods and the attributes of the class begin, with their number; once needed. */
  private int methods;

  private int attributes;

  ClassFile(byte[] bytes) {
    this.bytes = bytes;
    if (bytes.length < CONSTANTS || u4(0) != MAGIC) {
      throw new IllegalArgumentException("no class file");
    }
    constants = new int[u2(COUNT)];
    int at = CONSTANTS;
    for (int i = 1; i < constants.length; i++) {
      constants[i] = at;
      int tag = bytes[at];
      if (tag == UTF8) {
        at += 3 + u2(at + 1);
        continue;
      }
      int length = tag > 0 && tag < LENGTHS.length ? LENGTHS[tag] : -1;
      if (length < 0) {
        throw new IllegalArgumentException("unknown constant " + tag);
      }
      at += 1 + length;
      if (tag == LONG || tag == DOUBLE) {
        i++; // takes two numbers
      }
      if (tag == INVOKE_DYNAMIC) {
        invokeDynamics++;
      }
    }
    header = at;
  }

  byte[] bytes() {
    return bytes;
  }

  int u1(int at) {
    return bytes[at] & 0xFF;
  }

  int u2(int at) {
    return ((bytes[at] & 0xFF) << 8) | (bytes[at + 1] & 0xFF);
  }

  int u4(int at) {
    return (u2(at) << 16) | u2(at + 2);
  }

  /** One more than the greatest number of a constant. */
  int constants() {
    return constants.length;
  }

  /** The tag of a constant; 0 if there is none of this number. */
  int tag(int constant) {
    return constants[constant] == 0 ? 0 : bytes[constants[constant]];
  }

  /** Where a constant is, behind its tag. */
  int constant(int constant) {
    return constants[constant] + 1;
  }

  /** The number that a constant refers to with its first two bytes. */
  int first(int constant) {
    return u2(constant(constant));
  }

  /** The number that a constant of two references refers to with the second. */
  int second(int constant) {
    return u2(constant(constant) + 2);
  }

  String utf8(int constant) {
    int at = constant(constant);
    int length = u2(at);
    for (int i = at + 2; i < at + 2 + length; i++) {
      if (bytes[i] < 0) {
        return utf8Of(at, length);
      }
    }
    return new String(bytes, at + 2, length, StandardCharsets.ISO_8859_1);
  }

  private String utf8Of(int at, int length) {
    try {
      return new DataInputStream(new ByteArrayInputStream(bytes, at, length + 2)).readUTF();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean isUtf8(int constant, byte[] ascii) {
    int at = constant(constant);
    if (u2(at) != ascii.length) {
      return false;
    }
    for (int i = 0; i < ascii.length; i++) {
      if (bytes[at + 2 + i] != ascii[i]) {
        return false;
      }
    }
    return true;
  }

  /** The number of the constant of a class, by its name with slashes; 0 if there is none. */
  int classConstant(byte[] name) {
    for (int i = 1; i < constants.length; i++) {
      if (tag(i) == CLASS && isUtf8(first(i), name)) {
        return i;
      }
    }
    return 0;
  }

  boolean hasInvokeDynamic() {
    return invokeDynamics > 0;
  }

  /** The numbers of all InvokeDynamic constants. */
  int[] invokeDynamics() {
    int[] found = new int[invokeDynamics];
    int count = 0;
    for (int i = 1; count < found.length; i++) {
      if (tag(i) == INVOKE_DYNAMIC) {
        found[count++] = i;
      }
    }
    return found;
  }

  int access() {
    return u2(header);
  }

  String name() {
    return utf8(first(u2(header + 2)));
  }

  /** The name of the superclass; null if there is none. */
  String superName() {
    int constant = u2(header + 4);
    return constant == 0 ? null : utf8(first(constant));
  }

  String[] interfaces() {
    String[] names = new String[u2(header + 6)];
    for (int i = 0; i < names.length; i++) {
      names[i] = utf8(first(u2(header + 8 + 2 * i)));
    }
    return names;
  }

  /** Where the constants end and the access flags begin. */
  int header() {
    return header;
  }

  /** Where the number of interfaces is. */
  int interfacesAt() {
    return header + 6;
  }

  /** Where the number of fields is, behind the interfaces. */
  int fieldsAt() {
    return interfacesAt() + 2 + 2 * u2(interfacesAt());
  }

  /** Where the number of methods is. */
  int methodsAt() {
    if (methods == 0) {
      methods = endOfMembers(fieldsAt());
    }
    return methods;
  }

  /** Where the number of the attributes of the class is. */
  int attributesAt() {
    if (attributes == 0) {
      attributes = endOfMembers(methodsAt());
    }
    return attributes;
  }

  private int endOfMembers(int begin) {
    int at = begin + 2;
    for (int i = u2(begin); i > 0; i--) {
      at = endOfMember(at);
    }
    return at;
  }

  /** Where a field or method ends. */
  private int endOfMember(int begin) {
    int at = begin + 8;
    for (int i = u2(begin + 6); i > 0; i--) {
      at = endOfAttribute(at);
    }
    return at;
  }

  int endOfAttribute(int begin) {
    return begin + 6 + u4(begin + 2);
  }

  /** Where an attribute of the class begins; 0 if there is none of this name. */
  int attribute(String name) {
    int at = attributesAt() + 2;
    for (int i = u2(attributesAt()); i > 0; i--) {
      if (utf8(u2(at)).equals(name)) {
        return at;
      }
      at = endOfAttribute(at);
    }
    return 0;
  }

  /** Where a method begins; 0 if there is none. */
  int method(String name, String descriptor) {
    int at = methodsAt() + 2;
    for (int i = u2(methodsAt()); i > 0; i--) {
      if (utf8(u2(at + 2)).equals(name) && utf8(u2(at + 4)).equals(descriptor)) {
        return at;
      }
      at = endOfMember(at);
    }
    return 0;
  }

  Set<String> methodNames() {
    Set<String> names = new HashSet<>();
    int at = methodsAt() + 2;
    for (int i = u2(methodsAt()); i > 0; i--) {
      names.add(utf8(u2(at + 2)));
      at = endOfMember(at);
    }
    return names;
  }
}
