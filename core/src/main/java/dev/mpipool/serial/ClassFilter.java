package dev.mpipool.serial;

import java.io.InvalidClassException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputFilter.FilterInfo;
import java.io.ObjectInputFilter.Status;
import java.io.ObjectInputStream;
import java.lang.invoke.SerializedLambda;
import java.util.Collections;
import java.util.List;
import org.apache.commons.lang3.ClassUtils;

/**
 * Asks before an object is made of bytes that have come from another rank: the filter of the pool's
 * builder, and the JVM's own ({@code jdk.serialFilter}). One that rejects is enough.
 *
 * <p>They are asked about what Java's serialization makes, at the moments at which it asks, and in
 * the same way about what travels in a leaner form: primitive arrays with their length, the classes
 * of structures, and the class that a lambda stands in. A pool's filter is not asked about the
 * classes of {@linkplain #isAlwaysAllowed what every task needs}, only about depth, references and
 * bytes; the JVM's own is asked about everything, except null, boxed primitives and strings that
 * travel outside of objects, and strings in structures.
 */
public final class ClassFilter {

  private static final String POOL_CURE =
      "If it is meant to travel, allow it there: MPIExecutor.builder().filter(...), on this rank, too";
  private static final String JVM_CURE =
      "If it is meant to travel, allow it there: -Djdk.serialFilter=...";

  /** The most values that a lambda can capture; they travel as an array of objects. */
  private static final int MOST_CAPTURED = 255;

  /**
   * Every element takes a byte at least; but collections ask for the tables that they make, too,
   * which may be sparse.
   */
  private static final long MOST_SLACK = 16;

  /**
   * Asks about an array of its length, for limits in filters, but makes none: it has its one
   * element once.
   */
  private static final String COPIES = Collections.nCopies(2, null).getClass().getName();

  private final ObjectInputFilter pool;
  private final ObjectInputFilter virtualMachine;

  /**
   * A filter for one rank of a pool.
   *
   * @param pool the builder's filter, or null for the JVM's own alone
   */
  public ClassFilter(ObjectInputFilter pool) {
    this.pool = pool;
    this.virtualMachine = ObjectInputFilter.Config.getSerialFilter();
  }

  /** What is asked about; a null class asks about limits only. */
  private record Info(
      Class<?> serialClass, long arrayLength, long depth, long references, long streamBytes)
      implements FilterInfo {

    static Info withoutClass(FilterInfo info) {
      return new Info(null, -1, info.depth(), info.references(), info.streamBytes());
    }
  }

  /**
   * Asks about an object that no stream makes.
   *
   * @param type its class
   * @param length of an array; else -1
   * @throws InvalidClassException if it is rejected; the message says by which filter, and the cure
   */
  void check(Class<?> type, int length) throws InvalidClassException {
    Inquiry inquiry = inquire();
    if (inquiry != null) {
      inquiry.check(type, length, 1, 1, 0);
    }
  }

  /**
   * For a value that no stream makes.
   *
   * @return null if there is no filter
   */
  Inquiry inquire() {
    boolean none = pool == null && virtualMachine == null;
    return none ? null : new Inquiry(virtualMachine, Long.MAX_VALUE);
  }

  /**
   * Has a stream ask, from its first object on. An array that is much longer than the stream is
   * rejected in any case, before it is made, in the stream or by a collection that it is a part of:
   * its length is damaged.
   *
   * @param bytes how long the stream is, with what else its objects are made of
   * @return what was asked
   */
  Inquiry watch(ObjectInputStream in, long bytes) {
    Inquiry inquiry = new Inquiry(in.getObjectInputFilter(), MOST_SLACK * (bytes + 1L));
    in.setObjectInputFilter(inquiry);
    return inquiry;
  }

  private static boolean isAlwaysAllowed(Class<?> type, long length) {
    return InternalType.class.isAssignableFrom(type)
        || type == SerializedLambda.class
        || (type == Object[].class && length <= MOST_CAPTURED)
        || ClassUtils.isPrimitiveWrapper(type)
        || type == Number.class
        || type == String.class;
  }

  /** The questions about one value, and what was rejected. */
  final class Inquiry implements ObjectInputFilter {

    private final ObjectInputFilter virtualMachine;
    private final long longestArray;
    private FilterInfo rejected;
    private String rejecter;
    private String cure = "It must have been damaged on its way.";
    private RuntimeException failure;

    private Inquiry(ObjectInputFilter virtualMachine, long longestArray) {
      this.virtualMachine = virtualMachine;
      this.longestArray = longestArray;
    }

    @Override
    public Status checkInput(FilterInfo info) {
      if (info.arrayLength() > longestArray && !isOfCopies()) {
        rejected = info;
        rejecter = "length of its bytes";
        return Status.REJECTED;
      }
      Class<?> type = info.serialClass();
      boolean carrier = type != null && isAlwaysAllowed(type, info.arrayLength());
      Status ours =
          ask(pool, carrier ? Info.withoutClass(info) : info, "filter of this pool", POOL_CURE);
      if (ours == Status.REJECTED) {
        return ours;
      }
      Status everybodys = ask(virtualMachine, info, "jdk.serialFilter of this JVM", JVM_CURE);
      return everybodys == Status.UNDECIDED ? ours : everybodys;
    }

    /** Whether a list of copies of one object asks, and no array stands in the stream. */
    private static boolean isOfCopies() {
      String stream = ObjectInputStream.class.getName();
      return StackWalker.getInstance()
          .walk(
              frames -> {
                List<StackWalker.StackFrame> asking =
                    frames
                        .dropWhile(frame -> !frame.getClassName().equals(stream))
                        .limit(8)
                        .toList();
                int asker = 0;
                while (asker < asking.size() && asking.get(asker).getClassName().equals(stream)) {
                  asker++;
                }
                return asker < asking.size()
                    && asking.get(asker).getClassName().equals(COPIES)
                    && asking.subList(0, asker).stream()
                        .anyMatch(frame -> frame.getMethodName().equals("checkArray"));
              });
    }

    private Status ask(ObjectInputFilter filter, FilterInfo info, String name, String ifWanted) {
      if (filter == null) {
        return Status.UNDECIDED;
      }
      Status answer = Status.REJECTED;
      try {
        answer = filter.checkInput(info);
      } catch (RuntimeException e) {
        failure = e; // a filter that fails has not allowed anything
      }
      if (answer == Status.REJECTED) {
        rejected = info;
        rejecter = name;
        cure = ifWanted;
      }
      return answer;
    }

    /**
     * Asks as a stream would.
     *
     * @param type null for an object or a class that has been met before
     * @param length of an array; else -1
     * @param depth from 1 on
     * @param references so many objects, nulls included, have been met with this one
     * @param bytes so many have been read
     * @throws InvalidClassException if it is rejected; the message says by which filter, and the
     *     cure
     */
    void check(Class<?> type, long length, int depth, long references, int bytes)
        throws InvalidClassException {
      if (checkInput(new Info(type, length, depth, references, bytes)) == Status.REJECTED) {
        throw rejection(null);
      }
    }

    boolean hasRejected() {
      return rejected != null;
    }

    /** What to throw after a rejection. */
    InvalidClassException rejection(Throwable cause) {
      Class<?> type = rejected.serialClass();
      String what = type == null ? "the value" : "class " + type.getTypeName();
      String length = rejected.arrayLength() < 0 ? "" : ", array length " + rejected.arrayLength();
      String limits =
          "depth %d, %d references, %d bytes%s"
              .formatted(rejected.depth(), rejected.references(), rejected.streamBytes(), length);
      InvalidClassException rejection =
          new InvalidClassException(
              "%s was rejected by the %s (%s). %s".formatted(what, rejecter, limits, cure));
      rejection.initCause(failure == null ? cause : failure);
      return rejection;
    }
  }
}
