package dev.mpipool.shared;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.function.Function;
import java.util.function.IntFunction;

/**
 * What differs between arrays of doubles, floats and so on.
 *
 * @param name Java's
 * @param width bytes of an element, a power of two
 * @param arrays the class of Java's arrays of it
 * @param allocate makes such an array
 * @param view a buffer of such elements over bytes
 * @param put copies from an array into a buffer
 * @param get copies from a buffer into an array
 * @param text an element of a buffer, for people
 */
record ElementType<A, B extends Buffer>(
    String name,
    int width,
    Class<A> arrays,
    IntFunction<A> allocate,
    Function<ByteBuffer, B> view,
    Copy<A, B> put,
    Copy<A, B> get,
    Text<B> text) {

  static final ElementType<double[], DoubleBuffer> DOUBLE =
      new ElementType<>(
          "double",
          Double.BYTES,
          double[].class,
          double[]::new,
          ByteBuffer::asDoubleBuffer,
          DoubleBuffer::put,
          DoubleBuffer::get,
          (from, at) -> Double.toString(from.get(at)));

  static final ElementType<float[], FloatBuffer> FLOAT =
      new ElementType<>(
          "float",
          Float.BYTES,
          float[].class,
          float[]::new,
          ByteBuffer::asFloatBuffer,
          FloatBuffer::put,
          FloatBuffer::get,
          (from, at) -> Float.toString(from.get(at)));

  static final ElementType<long[], LongBuffer> LONG =
      new ElementType<>(
          "long",
          Long.BYTES,
          long[].class,
          long[]::new,
          ByteBuffer::asLongBuffer,
          LongBuffer::put,
          LongBuffer::get,
          (from, at) -> Long.toString(from.get(at)));

  static final ElementType<int[], IntBuffer> INT =
      new ElementType<>(
          "int",
          Integer.BYTES,
          int[].class,
          int[]::new,
          ByteBuffer::asIntBuffer,
          IntBuffer::put,
          IntBuffer::get,
          (from, at) -> Integer.toString(from.get(at)));

  static final ElementType<short[], ShortBuffer> SHORT =
      new ElementType<>(
          "short",
          Short.BYTES,
          short[].class,
          short[]::new,
          ByteBuffer::asShortBuffer,
          ShortBuffer::put,
          ShortBuffer::get,
          (from, at) -> Short.toString(from.get(at)));

  static final ElementType<char[], CharBuffer> CHAR =
      new ElementType<>(
          "char",
          Character.BYTES,
          char[].class,
          char[]::new,
          ByteBuffer::asCharBuffer,
          CharBuffer::put,
          CharBuffer::get,
          (from, at) -> Integer.toString(from.get(at)));

  static final ElementType<byte[], ByteBuffer> BYTE =
      new ElementType<>(
          "byte",
          Byte.BYTES,
          byte[].class,
          byte[]::new,
          bytes -> bytes,
          ByteBuffer::put,
          ByteBuffer::get,
          (from, at) -> Byte.toString(from.get(at)));

  /** Copies between a place in a buffer and one in an array. */
  @FunctionalInterface
  interface Copy<A, B> {
    void copy(B buffer, int at, A array, int start, int length);
  }

  /** Writes an element down. */
  @FunctionalInterface
  interface Text<B> {
    String of(B buffer, int at);
  }
}
