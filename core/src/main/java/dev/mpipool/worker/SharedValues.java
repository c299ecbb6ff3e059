package dev.mpipool.worker;

import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The values that main has sent to keep: broadcasts, functions of batches, code of tasks. */
public final class SharedValues {

  private final Serializer serializer;
  private final CallCodec codec;
  private final Map<Long, Value> values = new ConcurrentHashMap<>();

  SharedValues(Serializer serializer, CallCodec codec) {
    this.serializer = serializer;
    this.codec = codec;
  }

  /** A value, decoded by the first call of {@link #get}. */
  public final class Value {

    private ByteBuffer encoded;

    /** Null until decoded. Read without the lock, since every task reads it. */
    private volatile Object decoded;

    private Exception failure;

    private Value(ByteBuffer encoded) {
      this.encoded = encoded;
    }

    /**
     * The value.
     *
     * @return the same object at every call
     * @throws Exception if it cannot be decoded; the same at every call
     */
    public Object get() throws Exception {
      Object known = decoded;
      return known != null ? known : decode();
    }

    private synchronized Object decode() throws Exception {
      if (encoded != null) {
        try {
          decoded = codec.prepare(serializer.decode(encoded), codec.loader());
        } catch (Exception e) {
          failure = e;
        }
        encoded = null;
      }
      if (failure != null) {
        throw failure;
      }
      return decoded;
    }
  }

  void put(long number, ByteBuffer encoded) {
    values.put(number, new Value(encoded));
  }

  /** Stores an exception in place of a value; {@link Value#get} throws it. */
  void putFailure(long number, IOException failure) {
    Value value = new Value(null);
    value.failure = failure;
    values.put(number, value);
  }

  void remove(long number) {
    values.remove(number);
  }

  /**
   * A value that main has sent and has not withdrawn.
   *
   * @param number assigned by main
   * @return empty if there is none
   */
  public Optional<Value> find(long number) {
    return Optional.ofNullable(values.get(number));
  }
}
