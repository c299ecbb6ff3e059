package dev.mpipool.agent;

import java.util.ArrayList;
import java.util.List;

/**
 * The constants of {@code invokedynamic} instructions that make a lambda. Those that are texts are
 * kept as numbers of constants, too: the method that makes the lambda again compares with them.
 */
final class LambdaSite {
  private static final int STATIC = 6;
  private static final int NEW = 8;

  /** Separates names in keys: no name or descriptor in a class file contains it. */
  private static final char DOT = '.';

  private final ClassFile file;

  /** The number of this {@code InvokeDynamic} constant. */
  private final int constant;

  private final int bootstrap;
  private final int arguments;

  /** The method that the lambda calls: the kind of reference, its class, name and descriptor. */
  private final int kind;

  private final int owner;
  private final int implementation;
  private final int descriptor;

  /** The method that the lambda implements: name, and descriptor before and after erasure. */
  private final int method;

  private final int signature;
  private final int instantiated;

  /** The descriptor of the call: captured values to functional interface. */
  private final String factory;

  private final String keyWithoutOwner;
  private final String key;

  /**
   * Reads a site.
   *
   * @param constant is an InvokeDynamic constant of the metafactory
   */
  LambdaSite(ClassFile file, int constant, BootstrapMethods methods) {
    this.file = file;
    this.constant = constant;
    this.bootstrap = file.first(constant);
    this.arguments = methods.arguments(bootstrap);
    this.method = file.first(file.second(constant));
    this.factory = file.utf8(file.second(file.second(constant)));
    this.signature = file.first(methods.argument(bootstrap, 0));
    this.instantiated = file.first(methods.argument(bootstrap, 2));
    int handle = file.constant(methods.argument(bootstrap, 1));
    this.kind = file.u1(handle);
    int reference = file.u2(handle + 1);
    this.owner = file.first(file.first(reference));
    this.implementation = file.first(file.second(reference));
    this.descriptor = file.second(file.second(reference));
    this.keyWithoutOwner =
        name()
            + DOT
            + file.utf8(descriptor)
            + DOT
            + kind
            + (file.tag(reference) == ClassFile.INTERFACE_METHOD ? "i" : "")
            + DOT
            + type()
            + DOT
            + file.utf8(method)
            + DOT
            + file.utf8(signature)
            + DOT
            + file.utf8(instantiated);
    this.key = keyWithoutOwner + DOT + file.utf8(owner);
  }

  /** Two sites with the same key make lambdas whose serialized forms are the same. */
  String key() {
    return key;
  }

  /**
   * The key without the class of the implementation, which a {@code SerializedLambda} may name
   * otherwise than the class file does: the class that declares an inherited method.
   */
  String keyWithoutOwner() {
    return keyWithoutOwner;
  }

  /** The name of the method that the lambda calls. */
  String name() {
    return file.utf8(implementation);
  }

  int nameConstant() {
    return implementation;
  }

  int descriptorConstant() {
    return descriptor;
  }

  int kind() {
    return kind;
  }

  int ownerConstant() {
    return owner;
  }

  int methodConstant() {
    return method;
  }

  int signatureConstant() {
    return signature;
  }

  int instantiatedConstant() {
    return instantiated;
  }

  /** The functional interface, as a name with slashes. */
  String type() {
    return factory.substring(factory.lastIndexOf(')') + 2, factory.length() - 1);
  }

  /** Whether the lambdas of this site have at least the interfaces of another with its key. */
  boolean isAsGeneralAs(LambdaSite other) {
    return arguments >= other.arguments;
  }

  static LambdaSite moreGeneral(LambdaSite a, LambdaSite b) {
    return a.isAsGeneralAs(b) ? a : b;
  }

  /**
   * The descriptors of the captured values. The object of a bound method reference has the type
   * that the method needs: at another site with the same key it may have another.
   */
  List<String> captured() {
    List<String> types = new ArrayList<>();
    int begin = 1;
    while (factory.charAt(begin) != ')') {
      int end = begin;
      while (factory.charAt(end) == '[') {
        end++;
      }
      end = factory.charAt(end) == 'L' ? factory.indexOf(';', end) + 1 : end + 1;
      types.add(factory.substring(begin, end));
      begin = end;
    }
    if (isBound()) {
      String name = file.utf8(owner);
      types.set(0, name.charAt(0) == '[' ? name : 'L' + name + ';');
    }
    return types;
  }

  /** Whether an object was captured on which the implementation is called. */
  boolean isBound() {
    return kind != STATIC && kind != NEW && factory.charAt(1) != ')';
  }

  /**
   * The number of a constant that makes the lambda of values with other types.
   *
   * @param types of the values
   */
  int invokeDynamic(List<String> types, NewConstants constants) {
    String made = '(' + String.join("", types) + ")L" + type() + ';';
    return made.equals(factory)
        ? constant
        : constants.invokeDynamic(bootstrap, constants.nameAndType(method, constants.utf8(made)));
  }
}
