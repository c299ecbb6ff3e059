package dev.mpipool.agent;

import java.lang.invoke.SerializedLambda;
import java.util.Arrays;
import java.util.List;
import org.objectweb.asm.Handle;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * The operands of an {@code invokedynamic} instruction that makes a serializable lambda.
 *
 * @param method the name of the method that the lambda implements
 * @param factory the descriptor of the call: captured values to functional interface
 * @param arguments of {@code LambdaMetafactory.altMetafactory}
 */
record LambdaSite(String method, String factory, List<Object> arguments) {

  private static final String METAFACTORY = "java/lang/invoke/LambdaMetafactory";

  private static final int SERIALIZABLE = java.lang.invoke.LambdaMetafactory.FLAG_SERIALIZABLE;

  static final Handle BOOTSTRAP =
      new Handle(
          Opcodes.H_INVOKESTATIC,
          METAFACTORY,
          "altMetafactory",
          "(Ljava/lang/invoke/MethodHandles$Lookup;Ljava/lang/String;Ljava/lang/invoke/MethodType;"
              + "[Ljava/lang/Object;)Ljava/lang/invoke/CallSite;",
          false);

  /** Two sites with the same key make lambdas whose serialized forms are the same. */
  record Key(Handle implementation, String type, String method, Type signature, Type instantiated) {

    /**
     * This key without the class of the implementation, which a {@link SerializedLambda} may name
     * otherwise than the class file does: the class that declares an inherited method.
     */
    Key withoutOwner() {
      Handle handle = implementation;
      Handle ownerless =
          new Handle(handle.getTag(), "", handle.getName(), handle.getDesc(), handle.isInterface());
      return new Key(ownerless, type, method, signature, instantiated);
    }
  }

  static boolean isOfMetafactory(Handle bootstrap) {
    return bootstrap.getOwner().equals(METAFACTORY)
        && bootstrap.getTag() == Opcodes.H_INVOKESTATIC
        && (bootstrap.getName().equals("metafactory")
            || bootstrap.getName().equals("altMetafactory"));
  }

  /** Whether the call of a lambda metafactory makes a lambda that is serializable already. */
  static boolean isSerializable(Handle bootstrap, Object[] arguments) {
    return bootstrap.getName().equals("altMetafactory")
        && ((Integer) arguments[3] & SERIALIZABLE) != 0;
  }

  /** The site that makes the same lambda as the call of a metafactory, but serializable. */
  static LambdaSite of(String method, String factory, Handle bootstrap, Object[] arguments) {
    Object[] serializable = Arrays.copyOf(arguments, Math.max(4, arguments.length));
    int flags = bootstrap.getName().equals("metafactory") ? 0 : (Integer) arguments[3];
    serializable[3] = flags | SERIALIZABLE;
    return new LambdaSite(method, factory, List.of(serializable));
  }

  Handle implementation() {
    return (Handle) arguments.get(1);
  }

  Key key() {
    return new Key(
        implementation(),
        Type.getReturnType(factory).getInternalName(),
        method,
        (Type) arguments.get(0),
        (Type) arguments.get(2));
  }

  /** Whether the lambdas of this site have at least the interfaces of another with its key. */
  boolean isAsGeneralAs(LambdaSite other) {
    return arguments.size() >= other.arguments.size();
  }

  static LambdaSite moreGeneral(LambdaSite a, LambdaSite b) {
    return a.isAsGeneralAs(b) ? a : b;
  }

  /**
   * The types of the captured values. The object of a bound method reference has the type that the
   * method needs: at another site with the same key it may have another.
   */
  Type[] captured() {
    Type[] types = Type.getArgumentTypes(factory);
    if (types.length > 0 && isInstanceMethod()) {
      types[0] = Type.getObjectType(implementation().getOwner());
    }
    return types;
  }

  /** Whether an object was captured on which the implementation is called. */
  boolean isBound() {
    return isInstanceMethod() && Type.getArgumentCount(factory) > 0;
  }

  private boolean isInstanceMethod() {
    int kind = implementation().getTag();
    return kind != Opcodes.H_INVOKESTATIC && kind != Opcodes.H_NEWINVOKESPECIAL;
  }
}
