package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.agent.shapes.Capturable;
import dev.mpipool.agent.shapes.Lambdas;
import dev.mpipool.agent.shapes.Numbered;
import java.io.IOException;
import java.io.InvalidClassException;
import java.io.NotSerializableException;
import java.io.ObjectInputFilter;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.lang.invoke.MethodHandleInfo;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Classes are rewritten, loaded, which verifies them, and their lambdas are copied as bytes. */
class ClassRewriterTest {
  private static final String SHAPES = "dev.mpipool.agent.shapes";

  private final Woven woven = Woven.ofPackage(SHAPES, null);

  static Stream<String> shapes() {
    return Arrays.stream(Lambdas.class.getDeclaredMethods())
        .filter(method -> method.getReturnType() == Supplier.class && !method.isSynthetic())
        .map(Method::getName)
        .sorted();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everyLambdaTravels(String shape) throws Exception {
    Supplier<?> lambda = (Supplier<?>) woven.call(Lambdas.class, shape);
    Supplier<?> copy = (Supplier<?>) woven.copy(lambda);
    assertThat(copy.get()).isEqualTo(lambda.get());
    assertThat(((Supplier<?>) woven.copy(copy)).get()).as("copied twice").isEqualTo(lambda.get());
  }

  @Test
  void withoutRewritingTheyDoNot() throws Exception {
    Method method = Lambdas.class.getDeclaredMethod("capturesNothing");
    method.setAccessible(true);
    Object lambda = method.invoke(null);
    assertThatThrownBy(() -> Woven.write(lambda)).isInstanceOf(NotSerializableException.class);
  }

  @Test
  void aLambdaHasTheValuesAtTheTimeItWasWritten() throws Exception {
    Supplier<?> copy =
        (Supplier<?>) woven.copy(woven.call(Lambdas.class, "capturesPrimitivesAndObjects"));
    assertThat(copy.get()).isEqualTo("7text2.02null");
  }

  @Test
  void whatTheCompilerMadeSerializableKeepsItsForm() throws Exception {
    SerializedLambda before = form(call(Lambdas.class, "serializableByCompiler"));
    SerializedLambda after = form(woven.call(Lambdas.class, "serializableByCompiler"));
    assertThat(after.toString()).isEqualTo(before.toString());
  }

  @Test
  void theVersionNumberOfASerializableClassStays() throws Exception {
    Class<?> rewritten = woven.loadClass(Numbered.class.getName());
    assertThat(rewritten.getDeclaredMethods())
        .as("methods, with those of the lambdas")
        .hasSizeGreaterThan(Numbered.class.getDeclaredMethods().length);
    assertThat(ObjectStreamClass.lookup(rewritten).getSerialVersionUID())
        .isEqualTo(ObjectStreamClass.lookup(Numbered.class).getSerialVersionUID());
  }

  @Test
  void aClassWithoutLambdasStaysAsItIs() {
    ClassRewriter rewriter = new ClassRewriter(new Captures(new Names(null), name -> null));
    assertThat(rewriter.rewrite(bytes(Names.class), true)).isNull();
    assertThat(rewriter.rewrite(bytes(Lambdas.class), false)).as("not the program's").isNull();
  }

  @Test
  void aRewrittenClassIsNotRewrittenAgain() throws Exception {
    ClassRewriter rewriter = new ClassRewriter(new Captures(new Names(null), name -> null));
    byte[] once = rewriter.rewrite(bytes(Lambdas.class), true);
    assertThat(once).isNotNull();
    assertThat(rewriter.rewrite(once, true)).isNull();
  }

  @Test
  void recordsBecomeSerializable() throws Exception {
    assertThat(woven.loadClass(Lambdas.class.getName() + "$Point"))
        .isAssignableTo(Serializable.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"service", "subclass", "anonymous"})
  void objectsOfNamedClassesTravel(String shape) throws Exception {
    Woven capturing = Woven.ofPackage(SHAPES, "org.other," + Capturable.class.getName());
    Supplier<?> lambda = (Supplier<?>) capturing.call(Capturable.class, shape);
    assertThat(((Supplier<?>) capturing.copy(lambda)).get())
        .isEqualTo(lambda.get())
        .asString()
        .contains("service 42");
    Object refused = woven.call(Capturable.class, shape);
    assertThatThrownBy(() -> Woven.write(refused))
        .as("without being named")
        .isInstanceOf(NotSerializableException.class)
        .hasMessageContaining("Capturable$");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ofOtherSuperclass", "ofClosedRecord", "ofExecutor"})
  void whatStandsForSomethingOfThisProcessDoesNotTravel(String shape) throws Exception {
    Woven capturing = Woven.ofPackage(SHAPES, SHAPES);
    Object lambda = capturing.call(Capturable.class, shape);
    assertThatThrownBy(() -> Woven.write(lambda)).isInstanceOf(NotSerializableException.class);
  }

  @Test
  void aNamedClassWhoseSuperclassIsNotNamedDoesNotTravelInPart() throws Exception {
    Woven capturing = Woven.ofPackage(SHAPES, Capturable.class.getName() + "$Special");
    Object lambda = capturing.call(Capturable.class, "subclass");
    assertThatThrownBy(() -> Woven.write(lambda))
        .isInstanceOf(NotSerializableException.class)
        .hasMessageContaining("Special");
  }

  @Test
  void aThousandLambdasOfOneClassTravel() throws Exception {
    StringBuilder source = new StringBuilder("class Many {\n");
    source.append("static java.util.List<java.util.function.Supplier<String>> all() {\n");
    source.append("var all = new java.util.ArrayList<java.util.function.Supplier<String>>();\n");
    source.append("long j = all.size(); String s = \"s\";\n");
    for (int i = 0; i < 1000; i++) {
      source.append("all.add(() -> s + j + ").append(i).append(");\n");
    }
    source.append("return all; } }");
    Woven many = Woven.of(Sources.compile(Map.of("Many", source.toString())));
    List<?> lambdas = (List<?>) many.call("Many", "all");
    for (int i = 0; i < lambdas.size(); i++) {
      assertThat(((Supplier<?>) many.copy(lambdas.get(i))).get()).isEqualTo("s0" + i);
    }
    assertThat(lambdas).hasSize(1000);
  }

  @Test
  void namesAreNotLimitedToAscii() throws Exception {
    String source =
        """
        class Named {
          static java.util.function.Supplier<String> gr\\u00f6\\u00dfe\\uD835\\uDD4F() {
            String text = "\\uD835\\uDD4F\\0";
            return () -> text + new Object() { String gr\\u00fcn() { return "\\u00fc"; } }.gr\\u00fcn();
          }
        }
        """;
    Woven named = Woven.of(Sources.compile(Map.of("Named", source)));
    Supplier<?> lambda = (Supplier<?>) named.call("Named", "gr\u00f6\u00dfe\uD835\uDD4F");
    assertThat(((Supplier<?>) named.copy(lambda)).get()).isEqualTo("\uD835\uDD4F\0\u00fc");
  }

  @Test
  void aGenericRecordSaysThatItIsSerializable() throws Exception {
    String source =
        "record Pair<A extends Comparable<A>>(A a, A b) implements Comparable<Pair<A>> {"
            + " public int compareTo(Pair<A> p) { return a.compareTo(p.a); } }";
    Class<?> pair = Woven.of(Sources.compile(Map.of("Pair", source))).loadClass("Pair");
    assertThat(pair.getGenericInterfaces())
        .extracting(Object::toString)
        .containsExactly("java.lang.Comparable<Pair<A>>", "interface java.io.Serializable");
  }

  @Test
  void aClassWhoseConstantsAreTooManyIsRefused() throws Exception {
    StringBuilder source = new StringBuilder("class Full { Runnable task = () -> {};\n");
    for (int method = 0; method < 33; method++) {
      source.append("void m").append(method).append("() { String s;\n");
      for (int i = 0; i < 991; i++) {
        source.append("s = \"").append(method).append('_').append(i).append("\";\n");
      }
      source.append("}\n");
    }
    byte[] full = Sources.compile(Map.of("Full", source.append('}').toString())).get("Full");
    ClassRewriter rewriter = new ClassRewriter(new Captures(new Names(null), name -> null));
    assertThatThrownBy(() -> rewriter.rewrite(full, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("its constants are too many");
  }

  /** With the running JDK's compiler, which may name inherited methods otherwise than javac 17. */
  /** As a computed constant would be, which is allowed there and which no compiler writes. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aLambdaWhoseArgumentIsAConstantOfAnotherKindStaysAsItIs(int argument) throws Exception {
    byte[] bytes = oneLambda();
    ClassFile file = new ClassFile(bytes);
    int entry = file.attribute(BootstrapMethods.NAME) + 8;
    ByteBuffer.wrap(bytes).putShort(entry + 4 + 2 * argument, (short) file.u2(file.header() + 2));
    assertThat(rewriter().rewrite(bytes, true)).isNull();
  }

  @Test
  void aLengthThatIsCorruptedTakesNoMemory() throws Exception {
    byte[] bytes = oneLambda();
    ClassFile file = new ClassFile(bytes);
    int last = file.attributesAt() + 2;
    while (file.endOfAttribute(last) < bytes.length) {
      last = file.endOfAttribute(last);
    }
    ByteBuffer.wrap(bytes).putInt(last + 2, Integer.MAX_VALUE - last - 100);
    assertThatThrownBy(() -> rewriter().rewrite(bytes, true))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining("out of bounds for length " + bytes.length);
  }

  @Test
  void aClassWhoseMethodsAreTooManyIsRefused() throws Exception {
    byte[] bytes = oneLambda();
    ClassFile file = new ClassFile(bytes);
    int methods = file.methodsAt();
    int end = file.attributesAt();
    int more = ClassFile.MOST - file.u2(methods);
    ByteBuffer full = ByteBuffer.allocate(bytes.length + 8 * more);
    full.put(bytes, 0, methods).putShort((short) ClassFile.MOST);
    full.put(bytes, methods + 2, end - methods - 2);
    for (int i = 0; i < more; i++) { // abstract ones, with the name and descriptor of the first
      full.putShort((short) 0x0400).put(bytes, methods + 4, 4).putShort((short) 0);
    }
    full.put(bytes, end, bytes.length - end);
    assertThatThrownBy(() -> rewriter().rewrite(full.array(), true))
        .hasMessage("its methods are too many");
  }

  private static ClassRewriter rewriter() {
    return new ClassRewriter(new Captures(new Names(null), name -> null));
  }

  private static byte[] oneLambda() throws IOException {
    return Sources.compile(Map.of("One", "class One { Runnable task = () -> {}; }")).get("One");
  }

  @Test
  void referencesToInheritedMethodsTravel() throws Exception {
    String source =
        """
        import java.util.function.*;
        class Inherits {
          interface Base extends java.io.Serializable { default String who() { return "base"; } }
          static class A implements Base { static String hi() { return "A"; } public String name() { return "a"; } }
          static class B extends A { }
          static class C implements Base { static String hi() { return "C"; } public String name() { return "c"; } }
          static Supplier<String> all() {
            Supplier<String> a = new A()::name, b = new B()::name, c = new C()::name;
            Supplier<String> d = new B()::who, e = new C()::who, f = B::hi, g = C::hi;
            Function<B, String> h = B::name;
            return () -> a.get() + b.get() + c.get() + d.get() + e.get() + f.get() + g.get() + h.apply(new B());
          }
        }
        """;
    Woven inherits = Woven.of(Sources.compile(Map.of("Inherits", source)));
    Supplier<?> lambda = (Supplier<?>) inherits.call("Inherits", "all");
    assertThat(((Supplier<?>) inherits.copy(lambda)).get()).isEqualTo("aacbasebaseACa");
  }

  @Test
  void aFormThatNoLambdaHasIsRefused() throws Exception {
    Class<?> capturing = woven.loadClass(Lambdas.class.getName());
    SerializedLambda real = form(woven.call(Lambdas.class, "staticReference"));
    assertThat(
            ((Supplier<?>) woven.copy(forged(capturing, real, "hello", "()Ljava/lang/String;")))
                .get())
        .isEqualTo("hello");
    assertRefused(forged(capturing, real, "widened", "(I)J"));
    assertRefused(forged(capturing, real, "hello", "()V"));
    assertRefused(
        new SerializedLambda(
            capturing,
            "java/util/function/Supplier",
            "get",
            "()Ljava/lang/Object;",
            MethodHandleInfo.REF_invokeStatic,
            "java/lang/System",
            "lineSeparator",
            "()Ljava/lang/String;",
            "()Ljava/lang/Object;",
            new Object[0]));
  }

  private void assertRefused(SerializedLambda forged) {
    assertThatThrownBy(() -> woven.copy(forged))
        .rootCause()
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Invalid lambda deserialization");
  }

  @Test
  void aCapturedValueOfAnotherTypeIsRefused() throws Exception {
    SerializedLambda real = form(woven.call(Lambdas.class, "boundReference"));
    SerializedLambda forged =
        new SerializedLambda(
            woven.loadClass(Lambdas.class.getName()),
            real.getFunctionalInterfaceClass(),
            real.getFunctionalInterfaceMethodName(),
            real.getFunctionalInterfaceMethodSignature(),
            real.getImplMethodKind(),
            real.getImplClass(),
            real.getImplMethodName(),
            real.getImplMethodSignature(),
            real.getInstantiatedMethodType(),
            new Object[] {7});
    assertThatThrownBy(() -> woven.copy(forged)).rootCause().isInstanceOf(ClassCastException.class);
  }

  @Test
  void aFilterIsAskedForAllClassesOfALambda() throws Exception {
    byte[] bytes = Woven.write(woven.call(Lambdas.class, "capturesRecord"));
    Set<String> asked = new HashSet<>();
    ObjectInputFilter listening =
        info -> {
          if (info.serialClass() != null) {
            asked.add(info.serialClass().getName());
          }
          return ObjectInputFilter.Status.UNDECIDED;
        };
    woven.read(bytes, listening);
    String point = Lambdas.class.getName() + "$Point";
    assertThat(asked)
        .contains(
            SerializedLambda.class.getName(),
            Lambdas.class.getName(),
            "[Ljava.lang.Object;",
            point);
    for (String rejected : List.of(Lambdas.class.getName(), point)) {
      ObjectInputFilter rejecting = ObjectInputFilter.Config.createFilter("!" + rejected);
      assertThatThrownBy(() -> woven.read(bytes, rejecting))
          .isInstanceOf(InvalidClassException.class)
          .hasMessageContaining("REJECTED");
    }
  }

  private static Object call(Class<?> type, String name) throws Exception {
    Method method = type.getDeclaredMethod(name);
    method.setAccessible(true);
    return method.invoke(null);
  }

  private static SerializedLambda form(Object lambda) throws Exception {
    Method method = lambda.getClass().getDeclaredMethod("writeReplace");
    method.setAccessible(true);
    return (SerializedLambda) method.invoke(lambda);
  }

  private static SerializedLambda forged(
      Class<?> capturing, SerializedLambda real, String method, String signature) {
    return new SerializedLambda(
        capturing,
        real.getFunctionalInterfaceClass(),
        real.getFunctionalInterfaceMethodName(),
        real.getFunctionalInterfaceMethodSignature(),
        real.getImplMethodKind(),
        real.getImplClass(),
        method,
        signature,
        real.getInstantiatedMethodType(),
        new Object[0]);
  }

  private static byte[] bytes(Class<?> type) {
    try (var in = type.getResourceAsStream("/" + type.getName().replace('.', '/') + ".class")) {
      return in.readAllBytes();
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }
}
