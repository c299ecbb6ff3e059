package dev.mpipool.agent;

import java.util.HashMap;
import java.util.Map;

/** The constants that are added to those of a class file. Each method returns a number. */
final class NewConstants {
  private final Bytes bytes = new Bytes();
  private final Map<String, Integer> texts = new HashMap<>();

  /** Constants of two references of two bytes, or one of four, by tag and content. */
  private final Map<Long, Integer> others = new HashMap<>();

  /**
   * For each text of the class file, the constant that has it as an operand; 0 if there is none.
   */
  private final int[] strings;

  private int count;

  NewConstants(int count) {
    this.strings = new int[count];
    this.count = count;
  }

  /** The number of all constants of the class file, as it is written there. */
  int count() {
    return count;
  }

  Bytes bytes() {
    return bytes;
  }

  int utf8(String text) {
    Integer known = texts.get(text);
    if (known == null) {
      known = next();
      texts.put(text, known);
      bytes.u1(ClassFile.UTF8).utf8(text);
    }
    return known;
  }

  int integer(int value) {
    Long key = key(ClassFile.INTEGER, value);
    Integer known = others.get(key);
    return known == null ? add(key, bytes.u1(ClassFile.INTEGER).u4(value)) : known;
  }

  int type(String name) {
    return single(ClassFile.CLASS, utf8(name));
  }

  /** The text of a constant, as the operand of an instruction. */
  int string(int utf8) {
    if (utf8 >= strings.length) {
      return single(ClassFile.STRING, utf8);
    }
    if (strings[utf8] == 0) {
      strings[utf8] = next();
      bytes.u1(ClassFile.STRING).u2(utf8);
    }
    return strings[utf8];
  }

  /**
   * A method.
   *
   * @param tag whether it is one of an interface
   */
  int method(int tag, String owner, String name, String descriptor) {
    return pair(tag, type(owner), nameAndType(utf8(name), utf8(descriptor)));
  }

  int nameAndType(int name, int descriptor) {
    return pair(ClassFile.NAME_AND_TYPE, name, descriptor);
  }

  int invokeDynamic(int bootstrap, int nameAndType) {
    return pair(ClassFile.INVOKE_DYNAMIC, bootstrap, nameAndType);
  }

  int methodHandle(int kind, int method) {
    Long key = key(ClassFile.METHOD_HANDLE, (kind << 16) | method);
    Integer known = others.get(key);
    return known == null ? add(key, bytes.u1(ClassFile.METHOD_HANDLE).u1(kind).u2(method)) : known;
  }

  private int single(int tag, int reference) {
    Long key = key(tag, reference);
    Integer known = others.get(key);
    return known == null ? add(key, bytes.u1(tag).u2(reference)) : known;
  }

  private int pair(int tag, int first, int second) {
    Long key = key(tag, (first << 16) | second);
    Integer known = others.get(key);
    return known == null ? add(key, bytes.u1(tag).u2(first).u2(second)) : known;
  }

  private static Long key(int tag, int content) {
    return ((long) tag << 32) | (content & 0xFFFF_FFFFL);
  }

  /** Remembers a constant whose bytes have been written. */
  private int add(Long key, Bytes written) {
    assert written == bytes;
    int number = next();
    others.put(key, number);
    return number;
  }

  private int next() {
    if (count == ClassFile.MOST) {
      throw new IllegalArgumentException("its constants are too many");
    }
    return count++;
  }
}
