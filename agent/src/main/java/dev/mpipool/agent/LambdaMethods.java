package dev.mpipool.agent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes the method {@code $deserializeLambda$} of a class: it makes a lambda from its serialized
 * form, and refuses a form that no lambda of the class has.
 *
 * <p>The method compares the form with each {@link LambdaSite} of the class; a switch over the name
 * of the implementation selects those that it is compared with. A method is limited to 64 KiB, so
 * there may be several, each of which calls the next.
 */
final class LambdaMethods {
  static final String NAME = "$deserializeLambda$";
  static final String DESCRIPTOR = "(Ljava/lang/invoke/SerializedLambda;)Ljava/lang/Object;";

  /** Begins the names of the methods that continue {@code $deserializeLambda$}. */
  private static final String CONTINUED = "mpipool$deserializeLambda$";

  private static final String FORM = "java/lang/invoke/SerializedLambda";

  private static final int PRIVATE_STATIC_SYNTHETIC = 0x100A;

  /** Bytes of code of one method, estimated from above; jumps reach no further than 32 KiB. */
  private static final int MOST_BYTES = 28_000;

  /** Bytes of code for a site: the switch, the comparisons, the call. */
  private static final int BYTES_OF_SITE = 150;

  /** Bytes of code for a captured value. */
  private static final int BYTES_OF_VALUE = 16;

  private static final int STACK_OF_COMPARISON = 2;

  /** For a captured value: itself, and what its call needs. */
  private static final int STACK_OF_VALUE = 2;

  private static final int STACK_OF_EXCEPTION = 3;

  private record Entry(LambdaSite site, boolean ownerMatters, boolean receiverMatters) {}

  private final String className;
  private final boolean isInterface;

  /** The names of all methods. */
  private final Set<String> names;

  private final NewConstants constants;
  // The constants of the methods that are called.
  private final int hashCode;
  private final int equals;
  private final int getImplClass;
  private final int getImplMethodName;
  private final int getImplMethodSignature;
  private final int getImplMethodKind;
  private final int getFunctionalInterfaceClass;
  private final int getFunctionalInterfaceMethodName;
  private final int getFunctionalInterfaceMethodSignature;
  private final int getInstantiatedMethodType;
  private final int getCapturedArg;

  private final Bytes out = new Bytes();
  private int count;

  /**
   * Prepares to write.
   *
   * @param file is not changed
   * @param constants get those of the methods
   */
  LambdaMethods(ClassFile file, NewConstants constants) {
    this.className = file.name();
    this.isInterface = (file.access() & ClassFile.INTERFACE) != 0;
    this.names = file.methodNames();
    this.constants = constants;
    hashCode = constants.method(ClassFile.METHOD, "java/lang/String", "hashCode", "()I");
    equals =
        constants.method(ClassFile.METHOD, "java/lang/Object", "equals", "(Ljava/lang/Object;)Z");
    getImplClass = getter("getImplClass");
    getImplMethodName = getter("getImplMethodName");
    getImplMethodSignature = getter("getImplMethodSignature");
    getImplMethodKind = getter("getImplMethodKind", "()I");
    getFunctionalInterfaceClass = getter("getFunctionalInterfaceClass");
    getFunctionalInterfaceMethodName = getter("getFunctionalInterfaceMethodName");
    getFunctionalInterfaceMethodSignature = getter("getFunctionalInterfaceMethodSignature");
    getInstantiatedMethodType = getter("getInstantiatedMethodType");
    getCapturedArg = getter("getCapturedArg", "(I)Ljava/lang/Object;");
  }

  /** A name that no method of the class has. */
  String unusedName() {
    int number = 1;
    while (!names.add(CONTINUED + number)) {
      number++;
    }
    return CONTINUED + number;
  }

  /** How many methods were written. */
  int count() {
    return count;
  }

  /** The methods that were written. */
  Bytes bytes() {
    return out;
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
      String next = part == parts.size() - 1 ? last : unusedName();
      writePart(name, parts.get(part), next);
      name = next;
    }
  }

  private static List<Entry> entries(List<LambdaSite> sites) {
    Map<String, LambdaSite> alike = new HashMap<>();
    for (LambdaSite site : sites) {
      // null for the key of more than one, which differ in the class of the implementation
      alike.put(site.keyWithoutOwner(), alike.containsKey(site.keyWithoutOwner()) ? null : site);
    }
    List<Entry> entries = new ArrayList<>();
    List<Entry> byReceiver = new ArrayList<>();
    for (LambdaSite site : sites) {
      boolean unique = alike.get(site.keyWithoutOwner()) != null;
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
    List<List<Entry>> parts = new ArrayList<>();
    parts.add(new ArrayList<>());
    int room = MOST_BYTES;
    for (Entry entry : entries) {
      int bytes = BYTES_OF_SITE + BYTES_OF_VALUE * entry.site().captured().size();
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
      int hash = entry.site().name().hashCode();
      List<Entry> alike = byHash.get(hash);
      if (alike == null) {
        alike = new ArrayList<>();
        byHash.put(hash, alike);
      }
      alike.add(entry);
    }
    Code code = new Code();
    code.instruction(Code.ALOAD_0)
        .withShort(Code.INVOKEVIRTUAL, getImplMethodName)
        .withShort(Code.INVOKEVIRTUAL, hashCode);
    Code.Label none = new Code.Label();
    Code.Label[] labels = new Code.Label[byHash.size()];
    int[] keys = new int[labels.length];
    int i = 0;
    for (Integer hash : byHash.keySet()) {
      keys[i] = hash;
      labels[i++] = new Code.Label();
    }
    code.lookupSwitch(none, keys, labels);
    int stack = STACK_OF_COMPARISON;
    i = 0;
    for (List<Entry> alike : byHash.values()) {
      code.begin(labels[i++]);
      for (int at = 0; at < alike.size(); at++) {
        boolean isLast = at == alike.size() - 1;
        Code.Label other = isLast ? none : new Code.Label();
        stack = Math.max(stack, writeSite(code, alike.get(at), other));
        if (!isLast) {
          code.begin(other);
        }
      }
    }
    code.begin(none);
    stack = Math.max(stack, end(code, next));
    out.u2(PRIVATE_STATIC_SYNTHETIC).u2(constants.utf8(name)).u2(constants.utf8(DESCRIPTOR)).u2(1);
    code.write(out, stack, 1, constants);
    count++;
  }

  /** Returns the lambda if the form is the site's, else jumps. */
  private int writeSite(Code code, Entry entry, Code.Label other) {
    LambdaSite site = entry.site();
    compare(code, getImplMethodName, site.nameConstant(), other);
    compare(code, getImplMethodSignature, site.descriptorConstant(), other);
    code.instruction(Code.ALOAD_0)
        .withShort(Code.INVOKEVIRTUAL, getImplMethodKind)
        .withByte(Code.BIPUSH, site.kind())
        .jump(Code.IF_ICMPNE, other);
    compare(code, getFunctionalInterfaceClass, constants.utf8(site.type()), other);
    compare(code, getFunctionalInterfaceMethodName, site.methodConstant(), other);
    compare(code, getFunctionalInterfaceMethodSignature, site.signatureConstant(), other);
    compare(code, getInstantiatedMethodType, site.instantiatedConstant(), other);
    if (entry.ownerMatters()) {
      compare(code, getImplClass, site.ownerConstant(), other);
    }
    List<String> captured = site.captured();
    if (entry.receiverMatters()) {
      getCaptured(code, 0);
      code.withShort(Code.INSTANCEOF, type(captured.get(0))).jump(Code.IFEQ, other);
    }
    int depth = 0;
    for (int i = 0; i < captured.size(); i++) {
      getCaptured(code, i);
      depth += unbox(code, captured.get(i));
    }
    code.invokeDynamic(site.invokeDynamic(captured, constants)).instruction(Code.ARETURN);
    return depth + STACK_OF_VALUE;
  }

  private int end(Code code, String next) {
    if (next != null) {
      int tag = isInterface ? ClassFile.INTERFACE_METHOD : ClassFile.METHOD;
      code.instruction(Code.ALOAD_0)
          .withShort(Code.INVOKESTATIC, constants.method(tag, className, next, DESCRIPTOR))
          .instruction(Code.ARETURN);
      return 1;
    }
    String exception = "java/lang/IllegalArgumentException";
    int constructor =
        constants.method(ClassFile.METHOD, exception, "<init>", "(Ljava/lang/String;)V");
    code.withShort(Code.NEW, constants.type(exception))
        .instruction(Code.DUP)
        .withShort(Code.LDC_W, constants.string(constants.utf8("Invalid lambda deserialization")))
        .withShort(Code.INVOKESPECIAL, constructor)
        .instruction(Code.ATHROW);
    return STACK_OF_EXCEPTION;
  }

  /** A method of the serialized form that returns a text. */
  private int getter(String method) {
    return getter(method, "()Ljava/lang/String;");
  }

  private int getter(String method, String descriptor) {
    return constants.method(ClassFile.METHOD, FORM, method, descriptor);
  }

  private void getCaptured(Code code, int index) {
    code.instruction(Code.ALOAD_0)
        .withShort(Code.SIPUSH, index)
        .withShort(Code.INVOKEVIRTUAL, getCapturedArg);
  }

  private void compare(Code code, int getter, int text, Code.Label other) {
    code.instruction(Code.ALOAD_0)
        .withShort(Code.INVOKEVIRTUAL, getter)
        .withShort(Code.LDC_W, constants.string(text))
        .withShort(Code.INVOKEVIRTUAL, equals)
        .jump(Code.IFEQ, other);
  }

  /** The class of a descriptor, as a constant. */
  private int type(String descriptor) {
    boolean isArray = descriptor.charAt(0) == '[';
    return constants.type(isArray ? descriptor : descriptor.substring(1, descriptor.length() - 1));
  }

  /** Casts an object to a type, and returns how many words it needs on the stack. */
  private int unbox(Code code, String descriptor) {
    char kind = descriptor.charAt(0);
    switch (kind) {
      case 'Z' -> unbox(code, "Boolean", "booleanValue", descriptor);
      case 'C' -> unbox(code, "Character", "charValue", descriptor);
      case 'B' -> unbox(code, "Byte", "byteValue", descriptor);
      case 'S' -> unbox(code, "Short", "shortValue", descriptor);
      case 'I' -> unbox(code, "Integer", "intValue", descriptor);
      case 'J' -> unbox(code, "Long", "longValue", descriptor);
      case 'F' -> unbox(code, "Float", "floatValue", descriptor);
      case 'D' -> unbox(code, "Double", "doubleValue", descriptor);
      default -> code.withShort(Code.CHECKCAST, type(descriptor));
    }
    return kind == 'J' || kind == 'D' ? 2 : 1;
  }

  private void unbox(Code code, String box, String method, String descriptor) {
    String name = "java/lang/" + box;
    code.withShort(Code.CHECKCAST, constants.type(name));
    code.withShort(
        Code.INVOKEVIRTUAL, constants.method(ClassFile.METHOD, name, method, "()" + descriptor));
  }
}
