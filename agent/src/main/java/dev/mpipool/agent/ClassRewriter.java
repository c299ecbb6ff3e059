package dev.mpipool.agent;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Rewrites a class file so that the lambdas of the class are serializable, and objects of the class
 * itself where {@link Captures} says so. What was serializable before keeps its serialized form and
 * its {@code serialVersionUID}, which private members do not change.
 */
final class ClassRewriter {
  private static final byte[] METAFACTORY = ascii("java/lang/invoke/LambdaMetafactory");
  private static final String SERIALIZABLE = "java/io/Serializable";

  /** Begins the names of the methods that continue {@code $deserializeLambda$}. */
  private static final String CONTINUED = "mpipool$deserializeLambda$";

  private static final int CLASS = 7;

  private final Captures captures;

  ClassRewriter(Captures captures) {
    this.captures = captures;
  }

  /**
   * Rewrites a class.
   *
   * @param classFile is not changed
   * @param withLambdas whether the lambdas of this class are to be serializable
   * @return null if the class can stay as it is
   */
  byte[] rewrite(byte[] classFile, boolean withLambdas) {
    ClassReader reader = new ClassReader(classFile);
    boolean marked = captures.becomesSerializable(reader);
    boolean lambdas = withLambdas && mentionsMetafactory(reader, classFile);
    if (!marked && !lambdas) {
      return null;
    }
    ClassWriter writer = new ClassWriter(reader, 0);
    ClassVisitor visitor = marked ? new Marking(writer) : writer;
    Lambdas rewriting = new Lambdas(reader, visitor);
    reader.accept(lambdas ? rewriting : visitor, 0);
    return marked || !rewriting.sites.isEmpty() ? writer.toByteArray() : null;
  }

  /** Whether the constants have the class of which all bootstrap methods of lambdas are. */
  private static boolean mentionsMetafactory(ClassReader reader, byte[] classFile) {
    for (int i = 1; i < reader.getItemCount(); i++) {
      int at = reader.getItem(i); // behind the tag; 0 for the second half of a long
      if (at > 0 && classFile[at - 1] == CLASS) {
        int name = reader.getItem(reader.readUnsignedShort(at));
        if (reader.readUnsignedShort(name) == METAFACTORY.length
            && Arrays.equals(
                classFile,
                name + 2,
                name + 2 + METAFACTORY.length,
                METAFACTORY,
                0,
                METAFACTORY.length)) {
          return true;
        }
      }
    }
    return false;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Has a class implement Serializable. */
  private static final class Marking extends ClassVisitor {
    Marking(ClassVisitor next) {
      super(Opcodes.ASM9, next);
    }

    @Override
    public void visit(
        int version, int access, String name, String signature, String superName, String[] all) {
      String[] interfaces = Arrays.copyOf(all, all.length + 1);
      interfaces[all.length] = SERIALIZABLE;
      String generic = signature == null ? null : signature + "L" + SERIALIZABLE + ";";
      super.visit(version, access, name, generic, superName, interfaces);
    }
  }

  /** Makes the lambdas of a class serializable. */
  private static final class Lambdas extends ClassVisitor {
    private final ClassReader reader;
    private final Map<LambdaSite.Key, LambdaSite> sites = new LinkedHashMap<>();

    /** The lambdas that the compiler has made serializable: its own method makes these. */
    private final Map<LambdaSite.Key, LambdaSite> ofCompiler = new HashMap<>();

    private String className;
    private boolean isInterface;

    /** The class's own $deserializeLambda$ under its new name; null if it has none. */
    private String renamed;

    /** The names of all methods, once they are needed. */
    private Set<String> methods;

    Lambdas(ClassReader reader, ClassVisitor next) {
      super(Opcodes.ASM9, next);
      this.reader = reader;
    }

    @Override
    public void visit(
        int version, int access, String name, String signature, String superName, String[] all) {
      className = name;
      isInterface = (access & Opcodes.ACC_INTERFACE) != 0;
      super.visit(version, access, name, signature, superName, all);
    }

    @Override
    public MethodVisitor visitMethod(
        int access, String name, String descriptor, String signature, String[] exceptions) {
      String kept = name;
      if (name.equals(LambdaMethods.NAME) && descriptor.equals(LambdaMethods.DESCRIPTOR)) {
        renamed = unusedName();
        kept = renamed;
      }
      MethodVisitor next = super.visitMethod(access, kept, descriptor, signature, exceptions);
      return new MethodVisitor(Opcodes.ASM9, next) {
        @Override
        public void visitInvokeDynamicInsn(
            String method, String factory, Handle bootstrap, Object... arguments) {
          if (!LambdaSite.isOfMetafactory(bootstrap)) {
            super.visitInvokeDynamicInsn(method, factory, bootstrap, arguments);
            return;
          }
          LambdaSite site = LambdaSite.of(method, factory, bootstrap, arguments);
          boolean isOfCompiler = LambdaSite.isSerializable(bootstrap, arguments);
          (isOfCompiler ? ofCompiler : sites).merge(site.key(), site, LambdaSite::moreGeneral);
          super.visitInvokeDynamicInsn(
              method, factory, LambdaSite.BOOTSTRAP, site.arguments().toArray());
        }
      };
    }

    @Override
    public void visitEnd() {
      if (!sites.isEmpty()) {
        List<LambdaSite> own = new ArrayList<>(sites.values());
        if (renamed != null) {
          own.removeIf(this::isMadeByCompiler);
        }
        new LambdaMethods(cv, className, isInterface, this::unusedName).write(own, renamed);
      }
      super.visitEnd();
    }

    private boolean isMadeByCompiler(LambdaSite site) {
      LambdaSite same = ofCompiler.get(site.key());
      return same != null && same.isAsGeneralAs(site);
    }

    private String unusedName() {
      if (methods == null) {
        methods = new HashSet<>();
        reader.accept(
            new ClassVisitor(Opcodes.ASM9) {
              @Override
              public MethodVisitor visitMethod(
                  int access, String name, String descriptor, String generic, String[] thrown) {
                methods.add(name);
                return null;
              }
            },
            ClassReader.SKIP_CODE | ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
      }
      int number = 1;
      while (!methods.add(CONTINUED + number)) {
        number++;
      }
      return CONTINUED + number;
    }
  }
}
