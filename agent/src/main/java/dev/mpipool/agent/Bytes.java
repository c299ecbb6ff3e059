package dev.mpipool.agent;

import java.util.Arrays;
import java.util.Objects;

/** A growing array of bytes, with the numbers and texts of class files. */
final class Bytes {
  private static final int FIRST = 256;

  private byte[] array;
  private int size;

  Bytes() {
    this(FIRST);
  }

  /** Begins with room for some bytes. */
  Bytes(int room) {
    array = new byte[room];
  }

  int size() {
    return size;
  }

  byte[] toArray() {
    return array.length == size ? array : Arrays.copyOf(array, size);
  }

  Bytes u1(int value) {
    room(1);
    array[size++] = (byte) value;
    return this;
  }

  Bytes u2(int value) {
    room(2);
    array[size++] = (byte) (value >> 8);
    array[size++] = (byte) value;
    return this;
  }

  Bytes u4(int value) {
    return u2(value >>> 16).u2(value);
  }

  /** Puts a number of two bytes at a place that has been written. */
  void setU2(int at, int value) {
    array[at] = (byte) (value >> 8);
    array[at + 1] = (byte) value;
  }

  /** Puts a number of four bytes at a place that has been written. */
  void setU4(int at, int value) {
    setU2(at, value >>> 16);
    setU2(at + 2, value);
  }

  /** Puts a part of an array, which is checked first: a corrupted class file names any length. */
  Bytes put(byte[] from, int begin, int end) {
    Objects.checkFromToIndex(begin, end, from.length);
    room(end - begin);
    System.arraycopy(from, begin, array, size, end - begin);
    size += end - begin;
    return this;
  }

  Bytes put(Bytes other) {
    return put(other.array, 0, other.size);
  }

  /** Writes a text in the class file's modified UTF-8, after its length. */
  Bytes utf8(String text) {
    int begin = size;
    u2(0);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != 0 && c < 0x80) {
        u1(c);
      } else if (c < 0x800) {
        u1(0xC0 | (c >> 6)).u1(0x80 | (c & 0x3F));
      } else {
        u1(0xE0 | (c >> 12)).u1(0x80 | ((c >> 6) & 0x3F)).u1(0x80 | (c & 0x3F));
      }
    }
    int length = size - begin - 2;
    if (length > ClassFile.MOST) {
      throw new IllegalArgumentException("a name or descriptor is too long");
    }
    setU2(begin, length);
    return this;
  }

  private void room(int more) {
    if (array.length - size < more) {
      array = Arrays.copyOf(array, Math.max(2 * array.length, size + more));
    }
  }
}
