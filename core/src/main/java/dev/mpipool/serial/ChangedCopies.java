package dev.mpipool.serial;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;

/**
 * Finds out whether a task changes what it has captured, which on a worker is a copy, in a way that
 * can only be meant for the original: the task has no result, or the value is made to be shared.
 * Compares the bytes of the captured values before and after the task. Only the first task from
 * each place in the program is looked at, or in strict mode every one.
 */
final class ChangedCopies {

  /** True makes a task fail that changes what it has captured; else a line says so. */
  static final String STRICT = "mpipool.lambdas.strict";

  /** Longer payloads are not looked at: the worker would need as much memory once more. */
  private static final int MOST_BYTES = 1 << 20;

  private static final boolean IS_STRICT = Boolean.getBoolean(STRICT);

  private ChangedCopies() {}

  /** Whether a call that is encoded is to be looked at on the worker. */
  static boolean concern(TaskCall call, Lambdas.Site site) {
    return site.captures()
        && (IS_STRICT || site.isFirstCall()) // what most calls end at, after two fields
        && call.shape() >= 0
        && !(call.code() instanceof InternalType);
  }

  /**
   * A call that says so if it changes some values.
   *
   * @param code what is called
   * @param values what it has captured, or the code itself
   */
  static CallCodec.Call watched(
      CallCodec.Call call, Object code, Object[] values, LeanSerializer serializer, int length) {
    if (length > MOST_BYTES) {
      return call;
    }
    return () -> {
      ByteBuffer[] before = encoded(values, serializer);
      Object result = call.call();
      ByteBuffer[] after = encoded(values, serializer);
      for (int i = 0; i < values.length; i++) {
        boolean isChanged = before[i] != null && after[i] != null && !before[i].equals(after[i]);
        boolean isReturned = result == values[i];
        if (isChanged && !isReturned && (result == null || isToBeShared(values[i]))) {
          changed(code, values[i], i);
          break;
        }
      }
      return result;
    };
  }

  private static ByteBuffer[] encoded(Object[] values, LeanSerializer serializer) {
    ByteBuffer[] encoded = new ByteBuffer[values.length];
    for (int i = 0; i < values.length; i++) {
      try {
        encoded[i] = values[i] == null ? null : serializer.encode(values[i]);
      } catch (Exception | StackOverflowError | OutOfMemoryError e) {
        encoded[i] = null; // came as bytes, and does not go back: nothing can be said
      }
    }
    return encoded;
  }

  /** An atomic, a concurrent collection, or an array in place of a variable. */
  private static boolean isToBeShared(Object value) {
    return value.getClass().getName().startsWith("java.util.concurrent.")
        || (value.getClass().isArray() && Array.getLength(value) == 1);
  }

  private static void changed(Object code, Object value, int index) {
    String what =
        value == code
            ? "the fields of its own object"
            : "what it has captured (%s%s)"
                .formatted(value.getClass().getTypeName(), name(code, index));
    String message =
        "The task %s has changed %s, on a worker, where that is a copy: nothing of it is seen where"
            + " the task comes from. Return the value instead";
    String named = message.formatted(TaskName.of(code), what);
    if (IS_STRICT) {
      throw new IllegalStateException(named + " (" + STRICT + "=true)");
    }
    System.err.println("mpipool: " + named + ". -D" + STRICT + "=true makes this an error.");
  }

  /** The name of a captured variable, after a space; empty if that cannot be told. */
  private static String name(Object lambda, int index) {
    Lambdas.Site site = Lambdas.site(lambda);
    if (!site.isLambda()) {
      return "";
    }
    try {
      String name =
          CapturedNames.of(site.takeApart(lambda), index, lambda.getClass().getClassLoader());
      return name == null ? "" : " " + name;
    } catch (Exception e) {
      return "";
    }
  }
}
