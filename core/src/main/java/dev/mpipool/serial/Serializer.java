package dev.mpipool.serial;

import java.nio.ByteBuffer;

/**
 * Turns values into bytes and back: what tasks capture, their arguments and results, and what is
 * broadcast, as far as it has no lean form of mpipool's own (null, boxed primitives, strings and
 * primitive arrays have, and unless another serializer is chosen records, enums and {@link
 * java.util.ArrayList}s of such) and is no lambda and no exception. Java's serialization does that
 * unless another is chosen, by {@link dev.mpipool.MPIExecutor.Builder#serializer} or for a whole
 * program by {@code -Dmpipool.serializer=CLASS}; {@link ForySerializer} is one. Used by several
 * threads at once.
 *
 * <p>What a task captures and its arguments are one graph: if several of these values come here,
 * they come together, in a {@link java.util.ArrayList}, so that an object to which two of them
 * refer arrives as one, if the serializer keeps such references. If it fails for that list, it gets
 * the values one by one, and what they have in common arrives as often as they are. Lambdas and
 * exceptions stay with Java's serialization, except those inside of other objects; what a lambda
 * captures, and what in an exception is not {@link java.io.Serializable}, comes here.
 *
 * <p>Both methods may fail in any way that user code can (a {@code writeObject} that throws, a
 * missing class, an exhausted stack): whatever they throw, {@link Error}s included, fails the task
 * at hand and nothing else.
 *
 * <p>Example:
 *
 * <pre>{@code
 * MPIExecutor.Builder options = MPIExecutor.builder().serializer(new ForySerializer());
 * }</pre>
 */
public interface Serializer {

  /**
   * Encodes a value.
   *
   * @param value any object, or null
   * @return its bytes, from position to limit; not touched by the serializer any more
   * @throws Exception if the value cannot travel; the message says why
   */
  ByteBuffer encode(Object value) throws Exception;

  /**
   * Decodes a value.
   *
   * @param bytes what {@link #encode} returned in this process or another
   * @return the value
   * @throws Exception if it cannot be read; the message says why
   */
  Object decode(ByteBuffer bytes) throws Exception;

  /**
   * What the bytes are like. A worker on which this is another text than on main reads nothing, and
   * the pool is broken with a message that has both.
   *
   * @return a few words for people, the same in every process that can read the bytes; the name of
   *     the class if not overridden
   */
  default String format() {
    return getClass().getName();
  }
}
