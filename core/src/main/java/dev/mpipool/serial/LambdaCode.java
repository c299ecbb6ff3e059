package dev.mpipool.serial;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Method;

/**
 * The code side of a serializable lambda: all of it but the captured values. It is sent to each
 * worker once, and lambdas are made from it there, by the method that the compiler puts for that
 * into the class the lambda stands in ({@link SerializedLambda}).
 *
 * @param capturingClass the class it stands in
 * @param interfaceClass what it implements, as slashed name
 * @param interfaceMethod the method's name
 * @param interfaceSignature the method's signature
 * @param kind how the implementation is called
 * @param implementationClass where the implementation stands, as slashed name
 * @param implementationMethod its name
 * @param implementationSignature its signature
 * @param type the signature after type variables are filled in
 */
record LambdaCode(
    String capturingClass,
    String interfaceClass,
    String interfaceMethod,
    String interfaceSignature,
    int kind,
    String implementationClass,
    String implementationMethod,
    String implementationSignature,
    String type)
    implements InternalType {

  /** The method that makes the lambdas of a class from their serialized form. */
  static final String MAKER = "$deserializeLambda$";

  private static final MethodType MAKE = MethodType.methodType(Object.class, Object.class);

  static LambdaCode of(SerializedLambda lambda) {
    return new LambdaCode(
        lambda.getCapturingClass().replace('/', '.'),
        lambda.getFunctionalInterfaceClass(),
        lambda.getFunctionalInterfaceMethodName(),
        lambda.getFunctionalInterfaceMethodSignature(),
        lambda.getImplMethodKind(),
        lambda.getImplClass(),
        lambda.getImplMethodName(),
        lambda.getImplMethodSignature(),
        lambda.getInstantiatedMethodType());
  }

  /** The code made ready to make lambdas, in the process that runs them. */
  static final class Factory {

    private final LambdaCode code;
    private final Class<?> capturing;
    private final MethodHandle maker;

    /** Of a lambda without captured values there is one. */
    private volatile Object sole;

    private Factory(LambdaCode code, Class<?> capturing, MethodHandle maker) {
      this.code = code;
      this.capturing = capturing;
      this.maker = maker;
    }

    /** A lambda with these captured values. */
    Object make(Object[] captured) throws Exception {
      Object known = sole;
      if (known != null) {
        return known;
      }
      Object made;
      try {
        made = maker.invokeExact((Object) code.with(capturing, captured));
      } catch (Exception | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IOException(e);
      }
      if (captured.length == 0) {
        sole = made;
      }
      return made;
    }
  }

  private SerializedLambda with(Class<?> capturing, Object[] captured) {
    return new SerializedLambda(
        capturing,
        interfaceClass,
        interfaceMethod,
        interfaceSignature,
        kind,
        implementationClass,
        implementationMethod,
        implementationSignature,
        type,
        captured);
  }

  /**
   * Makes the code ready.
   *
   * @param loader finds the class that the lambda stands in
   * @param filter asked about that class
   */
  Factory prepare(ClassLoader loader, ClassFilter filter)
      throws IOException, ReflectiveOperationException {
    Class<?> capturing = Class.forName(capturingClass, false, loader);
    filter.check(capturing, -1);
    Method method;
    try {
      method = capturing.getDeclaredMethod(MAKER, SerializedLambda.class);
    } catch (NoSuchMethodException e) {
      throw new IOException(Cures.ofOtherRank(capturingClass), e);
    }
    if (!method.trySetAccessible()) {
      throw new IOException("lambdas of %s cannot be made here".formatted(capturingClass));
    }
    return new Factory(this, capturing, MethodHandles.lookup().unreflect(method).asType(MAKE));
  }
}
