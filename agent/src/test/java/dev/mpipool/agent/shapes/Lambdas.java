package dev.mpipool.agent.shapes;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

/**
 * A lambda of each shape: each method returns one that calls the lambda or reference in question.
 */
public final class Lambdas {
  static final Supplier<String> OF_INITIALIZER = () -> "initializer";

  private Lambdas() {}

  static Supplier<String> capturesNothing() {
    return () -> "nothing";
  }

  static Supplier<String> capturesPrimitives() {
    boolean z = true;
    char c = 'c';
    byte b = -1;
    short s = 300;
    int i = 1 << 20;
    long j = 1L << 40;
    float f = 1.5f;
    double d = Math.PI;
    return () -> "" + z + c + b + s + i + j + f + d;
  }

  static Supplier<String> capturesPrimitivesAndObjects(/* in any order */ ) {
    long j = 7;
    String text = "text";
    double d = 2;
    int[] array = {1, 2};
    Integer none = null;
    return () -> j + text + d + array[1] + none;
  }

  static Supplier<String> staticReference() {
    return Lambdas::hello;
  }

  static Supplier<String> boundReference() {
    return "bound"::toUpperCase;
  }

  static Supplier<String> boundReferenceToInterface() {
    List<String> list = new ArrayList<>(List.of("a"));
    ToIntFunction<String> f = list::indexOf;
    return () -> "" + f.applyAsInt("a");
  }

  static Supplier<String> unboundReference() {
    Function<String, Integer> f = String::length;
    return () -> "" + f.apply("abc");
  }

  static Supplier<String> constructorReference() {
    Function<String, StringBuilder> f = StringBuilder::new;
    return () -> f.apply("made").append('!').toString();
  }

  static Supplier<String> arrayConstructorReference() {
    IntFunction<int[][]> f = int[][]::new;
    return () -> "" + f.apply(3).length;
  }

  static Supplier<String> arrayCloneReference() {
    int[] array = {1, 2, 3};
    Supplier<Object> f = array::clone;
    return () -> "" + ((int[]) f.get()).length;
  }

  static Supplier<String> varargsReference() {
    BiFunction<String, Object, String> f = String::format;
    return () -> f.apply("<%s>", 5);
  }

  static Supplier<String> boxingReference() {
    Function<Integer, Long> f = Lambdas::widened;
    return () -> "" + f.apply(4);
  }

  static Supplier<String> privateMethodsOfOthers() {
    return new Inner("private")::secret;
  }

  static Supplier<String> superReference() {
    return new Child("super").viaSuper();
  }

  static Supplier<String> inheritedMethods() {
    Child child = new Child("inherited");
    Supplier<String> bound = child::name;
    Function<Child, String> unbound = Child::name;
    Supplier<String> ofClass = Child::greeting;
    return () -> bound.get() + unbound.apply(new Child("!")) + ofClass.get();
  }

  static Supplier<String> methodsOfTheSameName() {
    Supplier<String> inner = new Inner("inner")::name;
    Supplier<String> parent = new Parent("parent")::name;
    Supplier<String> child = new Child("child")::name;
    Supplier<String> one = Inner::greeting;
    Supplier<String> other = Parent::greeting;
    return () -> inner.get() + parent.get() + child.get() + one.get() + other.get();
  }

  static Supplier<String> sameMethodOfTwoTypes() {
    Parent parent = new Parent("as parent");
    Child child = new Child("as child");
    Supplier<Integer> one = parent::hashCode;
    Supplier<Integer> other = child::hashCode;
    return () -> one.get() + " " + other.get();
  }

  static Supplier<String> markedLambda() {
    Supplier<String> marked = (Supplier<String> & Marker) () -> "marked";
    return () -> marked.get() + (marked instanceof Marker);
  }

  static Supplier<String> markedAndPlainReference() {
    Supplier<String> plain = Lambdas::hello;
    Supplier<String> marked = (Supplier<String> & Marker) Lambdas::hello;
    return () -> plain.get() + marked.get() + (marked instanceof Marker);
  }

  static Supplier<String> serializableAndPlainReference() {
    Supplier<String> plain = Lambdas::hello;
    Supplier<String> serializable = (Supplier<String> & Serializable) Lambdas::hello;
    return () -> plain.get() + serializable.get();
  }

  static Supplier<String> serializableByCompiler() {
    int i = 5;
    return (Supplier<String> & Serializable) () -> "compiler" + i;
  }

  static Supplier<String> nested() {
    int i = 1;
    Supplier<Supplier<String>> outer =
        () -> {
          int j = i + 1;
          return () -> "nested" + i + j;
        };
    return () -> outer.get().get();
  }

  static Supplier<String> inStaticInitializer() {
    return OF_INITIALIZER;
  }

  static Supplier<String> inConstructor() {
    return new Inner("constructor").fromConstructor;
  }

  static Supplier<String> inInterface() {
    Greeter greeter = new Inner("interface");
    Supplier<String> fromDefault = greeter.lazily();
    Supplier<String> fromStatic = Greeter.fixed();
    return () -> fromDefault.get() + fromStatic.get();
  }

  static Supplier<String> inEnum() {
    return () -> Level.HIGH.text().get() + Level.LOW.text().get();
  }

  static Supplier<String> enumConstant() {
    return Level.HIGH.text();
  }

  static Supplier<String> inInnerClass() {
    Inner inner = new Inner("outer");
    return inner.new Deeper().text();
  }

  static Supplier<String> inRecord() {
    return new Point(1, 2).text();
  }

  static Supplier<String> capturesRecord() {
    Point point = new Point(3, 4);
    List<Point> points = List.of(point);
    return () -> point + "" + points;
  }

  static Supplier<String> withBridge() {
    ToText<Integer> f = i -> "bridge" + i;
    return () -> ((ToAny<Integer, ?>) f).apply(8).toString();
  }

  static Supplier<String> comparator() {
    Comparator<String> order = Comparator.comparing(String::length);
    return () -> "" + order.compare("a", "bb");
  }

  static Supplier<String> throwing() throws Exception {
    Callable<String> callable =
        () -> {
          throw new java.io.IOException("thrown");
        };
    return () -> {
      try {
        return callable.call();
      } catch (Exception e) {
        return "" + e;
      }
    };
  }

  static Supplier<String> capturesBranching() {
    int i = Integer.parseInt("3");
    return () ->
        switch (i) {
          case 1 -> "one";
          case 3 -> i > 2 ? "three" : "less";
          default -> "many";
        };
  }

  static Supplier<String> recursiveThroughField() {
    Recursion recursion = new Recursion();
    recursion.factorial = n -> n < 2 ? 1 : n * recursion.factorial.apply(n - 1);
    return () -> "" + recursion.factorial.apply(5);
  }

  static Supplier<String> recursiveThroughArray() {
    IntUnaryOperator[] factorial = {null};
    factorial[0] = n -> n < 2 ? 1 : n * factorial[0].applyAsInt(n - 1);
    return () -> "" + factorial[0].applyAsInt(6);
  }

  /** A task of what one of the methods returns. */
  static Callable<String> task(Supplier<String> supplier) {
    return () -> supplier.get();
  }

  /** A task that is a recursive lambda itself. */
  static Callable<Integer> recursiveTask() {
    int[] left = {5};
    Calls calls = new Calls();
    calls.task = () -> left[0]-- < 2 ? 1 : (left[0] + 1) * calls.task.call();
    return calls.task;
  }

  static String hello() {
    return "hello";
  }

  static long widened(int i) {
    return i;
  }

  static final class Recursion implements Serializable {
    private static final long serialVersionUID = 1;
    Function<Integer, Integer> factorial;
  }

  static final class Calls implements Serializable {
    private static final long serialVersionUID = 1;
    Callable<Integer> task;
  }

  interface Marker {}

  interface ToAny<T, R> {
    R apply(T value);
  }

  interface ToText<T> extends ToAny<T, String> {
    @Override
    String apply(T value);
  }

  interface Greeter {
    String name();

    default Supplier<String> lazily() {
      return () -> "lazily " + name();
    }

    static Supplier<String> fixed() {
      return () -> "fixed";
    }
  }

  static class Parent implements Serializable {
    private static final long serialVersionUID = 1;
    private final String name;

    Parent(String name) {
      this.name = name;
    }

    String name() {
      return name;
    }

    static String greeting() {
      return "parent's";
    }

    @Override
    public int hashCode() {
      return name.length();
    }

    @Override
    public boolean equals(Object other) {
      return other == this;
    }
  }

  static class Child extends Parent {
    private static final long serialVersionUID = 1;

    Child(String name) {
      super(name);
    }

    Supplier<String> viaSuper() {
      return super::name;
    }

    @Override
    String name() {
      return "child " + super.name();
    }
  }

  static final class Inner implements Greeter, Serializable {
    private static final long serialVersionUID = 1;
    private final String name;
    final Supplier<String> fromConstructor;

    Inner(String name) {
      this.name = name;
      String inverted = new StringBuilder(name).reverse().toString();
      fromConstructor = () -> inverted;
    }

    @Override
    public String name() {
      return name;
    }

    static String greeting() {
      return "inner's";
    }

    private String secret() {
      return "secret " + name;
    }

    final class Deeper implements Serializable {
      private static final long serialVersionUID = 1;

      Supplier<String> text() {
        return () -> "deeper " + name;
      }
    }
  }

  enum Level {
    LOW {
      @Override
      Supplier<String> text() {
        return () -> "low " + this;
      }
    },
    HIGH {
      @Override
      Supplier<String> text() {
        return () -> "high " + name();
      }
    };

    abstract Supplier<String> text();
  }

  record Point(int x, int y) {
    Supplier<String> text() {
      return () -> x + "/" + y;
    }
  }
}
