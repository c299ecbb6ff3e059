package dev.mpipool.agent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.Handle;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Writes the method {@code $deserializeLambda$} of a class: it makes a lambda from its serialized
 * form, and refuses a form that no lambda of the class has.
 *
 * <p>The method compares the form with each {@link LambdaSite} of the class; a switch over the name
 * of the implementation selects those that it is compared with. A method is limited to 64 KiB, so
 * there may be several, each of which calls the next. Wherever the code is jumped to, the stack is
 * empty and the parameter is the only local variable, so no frames have to be computed.
 */
final class LambdaMethods {
  static final String NAME = "$deserializeLambda$";
  static final String DESCRIPTOR = "(Ljava/lang/invoke/SerializedLambda;)Ljava/lang/Object;";

  private static final String FORM = "java/lang/invoke/SerializedLambda";
  private static final int ACCESS =
      Opcodes.ACC_PRIVATE | Opcodes.ACC_STATIC | Opcodes.ACC_SYNTHETIC;

  /** Bytes of code of one method, estimated from above; jumps reach no further than 32 KiB. */
  private static final int MOST_BYTES = 28_000;

  /** Bytes of code for a site: the switch, the comparisons, the call. */
  private static final int BYTES_OF_SITE = 150;

  /** Bytes of code for a captured value. */
  private static final int BYTES_OF_VALUE = 16;

  private static final int STACK_OF_COMPARISON = 2;

  /** For a captured value: itself, and what its call needs. */
  private static final int STACK_OF_VALUE = 2;

  private record Entry(LambdaSite site, boolean ownerMatters, boolean receiverMatters) {}

  private final ClassVisitor target;
  private final String className;
  private final boolean isInterface;
  private final Supplier<String> names;

  /**
   * Prepares to write.
   *
   * @param names of methods that the class does not have, each another one
   */
  LambdaMethods(
      ClassVisitor target, String className, boolean isInterface, Supplier<String> names) {
    this.target = target;
    this.className = className;
    this.isInterface = isInterface;
    this.names = names;
  }

  /**
   * Writes the methods.
   *
   * @param sites whose keys differ
   * @param last the method to call for other forms; null if they are refused
   */
  void write(List<LambdaSite> sites, String last) {
    String name = NAME;
    List<List<Entry>> parts = parts(entries(sites));
    for (int part = 0; part < parts.size(); part++) {
      String next = part == parts.size() - 1 ? last : names.get();
      writePart(name, parts.get(part), next);
      name = next;
    }
  }

  private static List<Entry> entries(List<LambdaSite> sites) {
    Map<LambdaSite.Key, Integer> alike = new HashMap<>();
    for (LambdaSite site : sites) {
      alike.merge(site.key().withoutOwner(), 1, Integer::sum);
    }
    List<Entry> entries = new ArrayList<>();
    List<Entry> byReceiver = new ArrayList<>();
    for (LambdaSite site : sites) {
      boolean unique = alike.get(site.key().withoutOwner()) == 1;
      entries.add(new Entry(site, !unique, false));
      if (!unique && site.isBound()) {
        // The method of this name and descriptor that the object has, whoever declares it.
        byReceiver.add(new Entry(site, false, true));
      }
    }
    entries.addAll(byReceiver);
    return entries;
  }

  private static List<List<Entry>> parts(List<Entry> entries) {
    List<List<Entry>> parts = new ArrayList<>(List.of(new ArrayList<>()));
    int room = MOST_BYTES;
    for (Entry entry : entries) {
      int bytes = BYTES_OF_SITE + BYTES_OF_VALUE * Type.getArgumentCount(entry.site().factory());
      if (bytes > room) {
        parts.add(new ArrayList<>());
        room = MOST_BYTES;
      }
      room -= bytes;
      parts.get(parts.size() - 1).add(entry);
    }
    return parts;
  }

  private void writePart(String name, List<Entry> entries, String next) {
    TreeMap<Integer, List<Entry>> byHash = new TreeMap<>();
    for (Entry entry : entries) {
      int hash = entry.site().implementation().getName().hashCode();
      byHash.computeIfAbsent(hash, any -> new ArrayList<>()).add(entry);
    }
    MethodVisitor code = target.visitMethod(ACCESS, name, DESCRIPTOR, null, null);
    code.visitCode();
    get(code, "getImplMethodName", "()Ljava/lang/String;");
    code.visitMethodInsn(Opcodes.INVOKEVIRTUAL, "java/lang/String", "hashCode", "()I", false);
    Label none = new Label();
    Label[] labels = new Label[byHash.size()];
    int[] keys = new int[labels.length];
    int i = 0;
    for (Integer hash : byHash.keySet()) {
      keys[i] = hash;
      labels[i++] = new Label();
    }
    code.visitLookupSwitchInsn(none, keys, labels);
    int stack = STACK_OF_COMPARISON;
    i = 0;
    for (List<Entry> alike : byHash.values()) {
      begin(code, labels[i++]);
      for (int at = 0; at < alike.size(); at++) {
        boolean isLast = at == alike.size() - 1;
        Label other = isLast ? none : new Label();
        stack = Math.max(stack, writeSite(code, alike.get(at), other));
        if (!isLast) {
          begin(code, other);
        }
      }
    }
    begin(code, none);
    stack = Math.max(stack, end(code, next));
    code.visitMaxs(stack, 1);
    code.visitEnd();
  }

  private static void begin(MethodVisitor code, Label label) {
    code.visitLabel(label);
    code.visitFrame(Opcodes.F_SAME, 0, null, 0, null);
  }

  /** Returns the lambda if the form is the site's, else jumps. */
  private static int writeSite(MethodVisitor code, Entry entry, Label other) {
    LambdaSite site = entry.site();
    LambdaSite.Key key = site.key();
    Handle handle = site.implementation();
    compare(code, "getImplMethodName", handle.getName(), other);
    compare(code, "getImplMethodSignature", handle.getDesc(), other);
    get(code, "getImplMethodKind", "()I");
    code.visitIntInsn(Opcodes.BIPUSH, handle.getTag());
    code.visitJumpInsn(Opcodes.IF_ICMPNE, other);
    compare(code, "getFunctionalInterfaceClass", key.type(), other);
    compare(code, "getFunctionalInterfaceMethodName", key.method(), other);
    compare(code, "getFunctionalInterfaceMethodSignature", key.signature().getDescriptor(), other);
    compare(code, "getInstantiatedMethodType", key.instantiated().getDescriptor(), other);
    if (entry.ownerMatters()) {
      compare(code, "getImplClass", handle.getOwner(), other);
    }
    Type[] captured = site.captured();
    if (entry.receiverMatters()) {
      getCaptured(code, 0);
      code.visitTypeInsn(Opcodes.INSTANCEOF, captured[0].getInternalName());
      code.visitJumpInsn(Opcodes.IFEQ, other);
    }
    int depth = 0;
    for (int i = 0; i < captured.length; i++) {
      getCaptured(code, i);
      unbox(code, captured[i]);
      depth += captured[i].getSize();
    }
    String made = Type.getMethodDescriptor(Type.getReturnType(site.factory()), captured);
    code.visitInvokeDynamicInsn(
        site.method(), made, LambdaSite.BOOTSTRAP, site.arguments().toArray());
    code.visitInsn(Opcodes.ARETURN);
    return depth + STACK_OF_VALUE;
  }

  private int end(MethodVisitor code, String next) {
    if (next != null) {
      code.visitVarInsn(Opcodes.ALOAD, 0);
      code.visitMethodInsn(Opcodes.INVOKESTATIC, className, next, DESCRIPTOR, isInterface);
      code.visitInsn(Opcodes.ARETURN);
      return 1;
    }
    String exception = "java/lang/IllegalArgumentException";
    code.visitTypeInsn(Opcodes.NEW, exception);
    code.visitInsn(Opcodes.DUP);
    code.visitLdcInsn("Invalid lambda deserialization");
    code.visitMethodInsn(
        Opcodes.INVOKESPECIAL, exception, "<init>", "(Ljava/lang/String;)V", false);
    code.visitInsn(Opcodes.ATHROW);
    return 3;
  }

  private static void get(MethodVisitor code, String getter, String descriptor) {
    code.visitVarInsn(Opcodes.ALOAD, 0);
    code.visitMethodInsn(Opcodes.INVOKEVIRTUAL, FORM, getter, descriptor, false);
  }

  private static void getCaptured(MethodVisitor code, int index) {
    code.visitVarInsn(Opcodes.ALOAD, 0);
    code.visitIntInsn(Opcodes.SIPUSH, index);
    code.visitMethodInsn(
        Opcodes.INVOKEVIRTUAL, FORM, "getCapturedArg", "(I)Ljava/lang/Object;", false);
  }

  private static void compare(MethodVisitor code, String getter, String value, Label other) {
    get(code, getter, "()Ljava/lang/String;");
    code.visitLdcInsn(value);
    code.visitMethodInsn(
        Opcodes.INVOKEVIRTUAL, "java/lang/Object", "equals", "(Ljava/lang/Object;)Z", false);
    code.visitJumpInsn(Opcodes.IFEQ, other);
  }

  private static void unbox(MethodVisitor code, Type type) {
    String box =
        switch (type.getSort()) {
          case Type.BOOLEAN -> "Boolean";
          case Type.CHAR -> "Character";
          case Type.BYTE -> "Byte";
          case Type.SHORT -> "Short";
          case Type.INT -> "Integer";
          case Type.LONG -> "Long";
          case Type.FLOAT -> "Float";
          case Type.DOUBLE -> "Double";
          default -> null;
        };
    if (box == null) {
      code.visitTypeInsn(Opcodes.CHECKCAST, type.getInternalName());
    } else {
      code.visitTypeInsn(Opcodes.CHECKCAST, "java/lang/" + box);
      code.visitMethodInsn(
          Opcodes.INVOKEVIRTUAL,
          "java/lang/" + box,
          type.getClassName() + "Value",
          "()" + type.getDescriptor(),
          false);
    }
  }
}
