package dev.mpipool.serial;

import java.io.Serializable;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Method;

/**
 * Takes serializable lambdas apart, into code that travels once and captured values that travel
 * every time. Every place in a program where a lambda stands has a class of its own at run time;
 * what is known of it hangs on that class, and goes with it.
 */
final class Lambdas {

  private static final MethodType REPLACE =
      MethodType.methodType(SerializedLambda.class, Object.class);

  private static final ClassValue<Site> SITES =
      new ClassValue<>() {
        @Override
        protected Site computeValue(Class<?> type) {
          return new Site(type, replacer(type));
        }
      };

  private Lambdas() {}

  /** One place where a lambda stands. */
  static final class Site {

    /** Gives a lambda's serialized form; null if the class is no lambda's. */
    private final MethodHandle replace;

    private SharedValue code;

    /** Whether each object that is made here has values of its own. */
    private final boolean captures;

    /** What a call of a lambda without values or arguments travels as: always the same. */
    private volatile EncodedCall bare;

    /** Whether an object that is made here has been submitted. */
    private volatile boolean submitted;

    private Site(Class<?> type, MethodHandle replace) {
      this.replace = replace;
      this.captures = replace == null || type.getDeclaredFields().length > 0;
    }

    /** The form of a call without arguments; null if that is not known, or not always the same. */
    EncodedCall bare() {
      return bare;
    }

    void keepBare(EncodedCall call) {
      if (!captures) {
        bare = call;
      }
    }

    boolean isLambda() {
      return replace != null;
    }

    /** Whether objects that are made here may refer to others. */
    boolean captures() {
      return captures;
    }

    /** True for the first call, and perhaps for others at the same time. */
    boolean isFirstCall() {
      boolean first = !submitted;
      if (first) {
        submitted = true;
      }
      return first;
    }

    SerializedLambda takeApart(Object lambda) throws Exception {
      try {
        return (SerializedLambda) replace.invokeExact(lambda);
      } catch (Exception | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    /** The code side, encoded, under its number. */
    synchronized SharedValue code(SerializedLambda lambda, Serializer serializer) throws Exception {
      if (code == null) {
        code = new SharedValue(serializer.encode(LambdaCode.of(lambda)));
      }
      return code;
    }
  }

  static Site site(Object code) {
    return SITES.get(code.getClass());
  }

  private static MethodHandle replacer(Class<?> type) {
    if (!type.isHidden() || !Serializable.class.isAssignableFrom(type)) {
      return null;
    }
    try {
      Method method = type.getDeclaredMethod("writeReplace");
      if (!method.trySetAccessible() || method.getReturnType() != Object.class) {
        return null;
      }
      return MethodHandles.lookup().unreflect(method).asType(REPLACE);
    } catch (ReflectiveOperationException e) {
      return null; // not a lambda that the compiler made
    }
  }
}
