package dev.mpipool.serial;

import java.io.IOException;
import java.lang.invoke.SerializedLambda;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * How the call of some code with its arguments travels.
 *
 * <pre>
 *   lambda:  | 1 (byte) | number of its code (long) | shape (byte) | number of captured values (byte)
 *            | number of arguments (byte) | captured values and arguments |
 *   other:   | 0 (byte) | a TaskCall |
 *   by a serializer that the user has chosen:
 *            | 2 (byte) | shape (byte) | number of arguments (byte) | code and arguments |
 *   other, watched:   | 3 (byte) | a TaskCall |
 * </pre>
 *
 * A shape with its sign bit set, and the form 3, are of calls that {@link ChangedCopies} watches.
 * Values are written together, as a {@link ValueList}. The first long {@code byte[]} among them is
 * the payload's attachment. A lambda's code travels as a shared value, once to each worker; so
 * calling a lambda that captures nothing is a dozen bytes.
 */
public final class CallCodec {

  private static final byte WHOLE = 0;
  private static final byte LAMBDA = 1;
  private static final byte PARTS = 2;
  private static final byte WATCHED_WHOLE = 3;

  /** In the byte of a shape: its sign bit, and the others. */
  private static final int WATCHED = 0x80;

  private static final int SHAPE = 0x7f;

  /** In a lambda's call. */
  private static final int SHAPE_AT = Byte.BYTES + Long.BYTES;

  private final LeanSerializer serializer;

  /**
   * Creates a codec.
   *
   * @param serializer for code, captured values and arguments
   */
  public CallCodec(LeanSerializer serializer) {
    this.serializer = serializer;
  }

  /**
   * Encodes a call.
   *
   * @param call any
   * @return its bytes
   * @throws Exception if it cannot travel; the message says why
   */
  public EncodedCall encode(TaskCall call) throws Exception {
    Lambdas.Site site = Lambdas.site(call.code());
    boolean watched = ChangedCopies.concern(call, site);
    if (site.isLambda() && call.shape() >= 0) {
      try {
        return encodeLambda(site, call, watched);
      } catch (TooLongException e) {
        throw e; // as a whole it would be longer, and its error name a class of mpipool
      } catch (IOException e) {
        // the whole is tried, for an error that names the way to the culprit from the top
      }
    }
    return new EncodedCall(whole(call, true, watched).toPayload(), null);
  }

  /**
   * Encodes a call so that it needs no code to be sent before.
   *
   * @param call any
   * @return its bytes
   * @throws Exception if it cannot travel; the message says why
   */
  public ByteBuffer encodeWhole(TaskCall call) throws Exception {
    return whole(call, false, false).toBuffer();
  }

  private Output whole(TaskCall call, boolean mayHaveAttachment, boolean watched) throws Exception {
    Output out = new Output(256, mayHaveAttachment);
    if (serializer.isJavas() || call.shape() < 0) {
      out.putByte(watched ? WATCHED_WHOLE : WHOLE);
      serializer.write(call, out);
    } else {
      out.putByte(PARTS);
      out.putByte(watched ? call.shape() | WATCHED : call.shape());
      out.putByte(call.arguments().size());
      Object[] values = new Object[1 + call.arguments().size()];
      values[0] = call.code();
      ValueList.write(serializer, withArguments(values, call), out);
    }
    return out;
  }

  private EncodedCall encodeLambda(Lambdas.Site site, TaskCall call, boolean watched)
      throws Exception {
    EncodedCall known = call.arguments().isEmpty() ? site.bare() : null;
    if (known != null && known.payload().at(SHAPE_AT) == call.shape()) {
      return known;
    }
    SerializedLambda lambda = site.takeApart(call.code());
    SharedValue code = site.code(lambda, serializer);
    Output out = new Output(32, true);
    out.putByte(LAMBDA);
    out.putLong(code.number());
    out.putByte(watched ? call.shape() | WATCHED : call.shape());
    int captured = lambda.getCapturedArgCount();
    int arguments = call.arguments().size();
    out.putByte(captured);
    out.putByte(arguments);
    Object[] values = new Object[captured + arguments];
    for (int i = 0; i < captured; i++) {
      values[i] = lambda.getCapturedArg(i);
    }
    ValueList.write(serializer, withArguments(values, call), out);
    EncodedCall encoded = new EncodedCall(out.toPayload(), code);
    if (call.arguments().isEmpty()) {
      site.keepBare(encoded);
    }
    return encoded;
  }

  /** Puts a call's arguments at the end of its values. */
  private static Object[] withArguments(Object[] values, TaskCall call) {
    List<Object> arguments = call.arguments();
    int first = values.length - arguments.size();
    for (int i = 0; i < arguments.size(); i++) {
      values[first + i] = arguments.get(i);
    }
    return values;
  }

  /**
   * The number of the code that a call needs.
   *
   * @param payload of an encoded call
   * @return 0 if it brings its code along
   */
  public static long codeNumber(Payload payload) {
    ByteBuffer in = payload.beginning();
    boolean lambda = in.remaining() > Long.BYTES && in.get() == LAMBDA;
    return lambda ? in.getLong() : 0;
  }

  /** Finds shared values on a worker. */
  @FunctionalInterface
  public interface Code {
    /**
     * The code that the call needs, as {@link #prepare} returned it.
     *
     * @return null if it is not there
     * @throws Exception if it cannot be read
     */
    Object get() throws Exception;
  }

  /**
   * Where classes are found.
   *
   * @return in multicore mode every rank has a loader of its own
   */
  public ClassLoader loader() {
    return serializer.loader();
  }

  /**
   * Makes a shared value ready for use, on a worker.
   *
   * @param value as it was decoded
   * @param loader finds classes
   * @return code that is ready to be called, or the value, if it is something else
   * @throws Exception if the code is not there, or rejected by a filter
   */
  public Object prepare(Object value, ClassLoader loader) throws Exception {
    return value instanceof LambdaCode code ? code.prepare(loader, serializer.filter()) : value;
  }

  /** A call that has been read and can be made. */
  @FunctionalInterface
  public interface Call {
    /**
     * Makes the call.
     *
     * @return its result
     * @throws Exception what the user's code throws
     */
    Object call() throws Exception;
  }

  /**
   * Reads a call, on a worker.
   *
   * @param payload of an encoded call; to be read once
   * @param code finds its code, if it needs some
   * @param caller makes the call
   * @return the call, ready to be made
   * @throws Exception if it cannot be read
   */
  public Call decode(Payload payload, Code code, Caller caller) throws Exception {
    ByteBuffer in = payload.beginning();
    byte form = in.get();
    if (form == WHOLE || form == WATCHED_WHOLE) {
      TaskCall call = (TaskCall) serializer.read(in, payload);
      return form == WHOLE
          ? call::call
          : watched(call::call, call.code(), new Object[] {call.code()}, payload);
    }
    if (form == PARTS) {
      int shape = in.get();
      Object[] values = ValueList.read(serializer, 1 + in.get(), in, payload);
      Call call = called(shape & SHAPE, values[0], values, 1, caller);
      return shape < 0 ? watched(call, values[0], new Object[] {values[0]}, payload) : call;
    }
    in.getLong();
    int shape = in.get();
    if (!(code.get() instanceof LambdaCode.Factory factory)) {
      throw new IOException("the code of the task has not come");
    }
    int captured = Byte.toUnsignedInt(in.get());
    int arguments = in.get();
    Object[] values = ValueList.read(serializer, captured + arguments, in, payload);
    Object lambda = factory.make(arguments == 0 ? values : Arrays.copyOf(values, captured));
    Call call = called(shape & SHAPE, lambda, values, captured, caller);
    return shape < 0 ? watched(call, lambda, Arrays.copyOf(values, captured), payload) : call;
  }

  private Call watched(Call call, Object code, Object[] captured, Payload payload) {
    return ChangedCopies.watched(call, code, captured, serializer, payload.length());
  }

  /** A call of some code with the values from one on. */
  private static Call called(int shape, Object code, Object[] values, int first, Caller caller) {
    int arguments = values.length - first;
    Object a = arguments > 0 ? values[first] : null;
    Object b = arguments > 1 ? values[first + 1] : null;
    Object c = arguments > 2 ? values[first + 2] : null;
    return () -> caller.call(shape, code, a, b, c);
  }
}
