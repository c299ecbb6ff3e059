package dev.mpipool.agent;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rewrites a class file so that the lambdas of the class are serializable, and objects of the class
 * itself where {@link Captures} says so. What was serializable before keeps its serialized form and
 * its {@code serialVersionUID}, which private members do not change.
 *
 * <p>All that is there stays as it is, the code of the methods, too. What makes lambdas is written
 * in the attribute {@link BootstrapMethods}; constants are added, and {@link LambdaMethods}.
 */
final class ClassRewriter {
  private static final byte[] METAFACTORY = ascii("java/lang/invoke/LambdaMetafactory");
  private static final String SERIALIZABLE = "java/io/Serializable";
  private static final String SIGNATURE = "Signature";

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
    ClassFile file = new ClassFile(classFile);
    boolean marked = captures.becomesSerializable(file);
    boolean lambdas =
        withLambdas && file.hasInvokeDynamic() && file.classConstant(METAFACTORY) != 0;
    if (!marked && !lambdas) {
      return null;
    }
    Rewriting rewriting = new Rewriting(file, marked);
    boolean changed = lambdas && rewriting.addMethods();
    return changed || marked ? rewriting.write() : null;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** One class. */
  private static final class Rewriting {
    private final ClassFile file;
    private final boolean marked;
    private final NewConstants constants;

    /** Null as long as no lambda is to be made serializable. */
    private BootstrapMethods bootstraps;

    private LambdaMethods methods;

    /** The class's own $deserializeLambda$, which gets another name; 0 if it has none. */
    private int renamed;

    private String newName;

    Rewriting(ClassFile file, boolean marked) {
      this.file = file;
      this.marked = marked;
      this.constants = new NewConstants(file.constants());
    }

    /** Returns whether there are lambdas that are to be made serializable. */
    boolean addMethods() {
      int attribute = file.attribute(BootstrapMethods.NAME);
      if (attribute == 0) {
        return false;
      }
      BootstrapMethods all = new BootstrapMethods(file, attribute);
      Map<String, LambdaSite> sites = new LinkedHashMap<>();
      // The lambdas that the compiler has made serializable: its own method makes these.
      Map<String, LambdaSite> ofCompiler = new HashMap<>();
      for (int constant : file.invokeDynamics()) {
        int bootstrap = file.first(constant);
        if (all.isOfMetafactory(bootstrap)) {
          LambdaSite site = new LambdaSite(file, constant, all);
          Map<String, LambdaSite> kind = all.isSerializable(bootstrap) ? ofCompiler : sites;
          LambdaSite known = kind.get(site.key());
          kind.put(site.key(), known == null ? site : LambdaSite.moreGeneral(known, site));
        }
      }
      if (sites.isEmpty()) {
        return false;
      }
      bootstraps = all;
      methods = new LambdaMethods(file, constants);
      renamed = file.method(LambdaMethods.NAME, LambdaMethods.DESCRIPTOR);
      newName = renamed == 0 ? null : methods.unusedName();
      List<LambdaSite> own = new ArrayList<>();
      for (LambdaSite site : sites.values()) {
        LambdaSite same = renamed == 0 ? null : ofCompiler.get(site.key());
        if (same == null || !same.isAsGeneralAs(site)) {
          own.add(site);
        }
      }
      methods.write(own, newName);
      return true;
    }

    byte[] write() {
      Bytes behind = new Bytes(2 * file.bytes().length); // with more constants
      copy(behind, file.header(), file.interfacesAt());
      writeInterfaces(behind);
      copy(behind, file.fieldsAt(), file.methodsAt());
      writeMethods(behind);
      writeAttributes(behind);
      Bytes out = new Bytes(file.header() + constants.bytes().size() + behind.size());
      copy(out, 0, ClassFile.COUNT);
      out.u2(constants.count());
      copy(out, ClassFile.COUNT + 2, file.header());
      return out.put(constants.bytes()).put(behind).toArray();
    }

    private void copy(Bytes out, int begin, int end) {
      out.put(file.bytes(), begin, end);
    }

    private void writeInterfaces(Bytes out) {
      int begin = file.interfacesAt();
      out.u2(file.u2(begin) + (marked ? 1 : 0));
      copy(out, begin + 2, file.fieldsAt());
      if (marked) {
        out.u2(constants.type(SERIALIZABLE));
      }
    }

    private void writeMethods(Bytes out) {
      int begin = file.methodsAt();
      if (methods == null) {
        copy(out, begin, file.attributesAt());
        return;
      }
      int count = file.u2(begin) + methods.count();
      if (count > ClassFile.MOST) {
        throw new IllegalArgumentException("its methods are too many");
      }
      out.u2(count);
      if (renamed == 0) {
        copy(out, begin + 2, file.attributesAt());
      } else {
        copy(out, begin + 2, renamed + 2);
        out.u2(constants.utf8(newName));
        copy(out, renamed + 4, file.attributesAt());
      }
      out.put(methods.bytes());
    }

    private void writeAttributes(Bytes out) {
      int at = file.attributesAt();
      int count = file.u2(at);
      out.u2(count);
      at += 2;
      for (int i = 0; i < count; i++) {
        int end = file.endOfAttribute(at);
        String name = file.utf8(file.u2(at));
        if (bootstraps != null && name.equals(BootstrapMethods.NAME)) {
          bootstraps.write(out, constants);
        } else if (marked && name.equals(SIGNATURE)) {
          copy(out, at, end - 2);
          out.u2(constants.utf8(file.utf8(file.u2(end - 2)) + 'L' + SERIALIZABLE + ';'));
        } else {
          copy(out, at, end);
        }
        at = end;
      }
      copy(out, at, file.bytes().length);
    }
  }
}
