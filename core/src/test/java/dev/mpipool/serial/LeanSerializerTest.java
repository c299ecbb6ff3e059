package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectInputFilter;
import java.io.ObjectOutput;
import java.io.Serializable;
import java.lang.ref.WeakReference;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Records, enums and lists without Java's serialization, beside what that makes of them. */
@SuppressWarnings("ArrayRecordComponent") // users do it, too
@Timeout(60)
class LeanSerializerTest {

  private static final int STRUCTURE = 20;
  private static final int OTHER = 127;

  private static final ClassLoader LOADER = LeanSerializerTest.class.getClassLoader();
  private static final JavaSerializer JAVA = new JavaSerializer(LOADER);
  private static final LeanSerializer LEAN = new LeanSerializer(JAVA);

  record Point(double x, double y, String name) implements Serializable {}

  record Primitives(boolean a, byte b, short c, char d, int e, long f, float g, double h, boolean i)
      implements Serializable {}

  record Boxes(
      Boolean a, Byte b, Short c, Character d, Integer e, Long f, Float g, Double h, Number i)
      implements Serializable {}

  record Arrays8(
      boolean[] a, byte[] b, short[] c, char[] d, int[] e, long[] f, float[] g, double[] h)
      implements Serializable {}

  record Nothing() implements Serializable {}

  record Pair<A, B>(A left, B right) implements Serializable {}

  record Many(String name, int... numbers) implements Serializable {}

  record Link(int value, Link next) implements Serializable {}

  sealed interface Shape extends Serializable {}

  private record Circle(Point centre, double radius) implements Shape {}

  private record Polygon(ArrayList<Point> corners, Colour colour) implements Shape {}

  enum Colour {
    RED,
    GREEN {
      @Override
      public String toString() {
        return "grass";
      }
    }
  }

  /** Its accessor gives a copy; Java's serialization writes the field. */
  record Careful(int[] numbers, int[] others) implements Serializable {
    @Override
    public int[] numbers() {
      throw new IllegalStateException("an accessor is not to be called");
    }
  }

  record Positive(int value) implements Serializable {
    static boolean strict;

    Positive {
      if (strict && value <= 0) {
        throw new IllegalArgumentException(value + " is not positive");
      }
    }
  }

  record Replaced(String name) implements Serializable {
    private Object writeReplace() {
      return "instead of " + name;
    }
  }

  record Resolved(String name) implements Serializable {
    private Object readResolve() {
      return "resolved " + name;
    }
  }

  record Plain(int value) {}

  record External(int value) implements Externalizable {
    @Override
    public void writeExternal(ObjectOutput out) {}

    @Override
    public void readExternal(ObjectInput in) {}
  }

  static final class Names extends ArrayList<String> {
    private static final long serialVersionUID = 1;
  }

  /** The versions are told apart by the last letter, and written under one name. */
  record VersionA(int kept, String gone, int[] numbers, long also) implements Serializable {}

  record VersionB(double added, long also, Object numbers, int kept, Colour colour)
      implements Serializable {}

  record VersionC(long kept) implements Serializable {}

  record VersionD(int kept, Integer gone) implements Serializable {}

  static final class VersionE implements Serializable {
    private static final long serialVersionUID = 1;
  }

  record VersionF(int kept) {}

  private static int form(Object value) throws Exception {
    return LEAN.encode(value).get(0);
  }

  private static Object copy(Object value) throws Exception {
    return LEAN.decode(LEAN.encode(value));
  }

  @SuppressWarnings("NonApiType") // that it is an ArrayList is the point
  private static ArrayList<Object> list(Object... elements) {
    return new ArrayList<>(Arrays.asList(elements));
  }

  static Stream<Object> structures() {
    record Local(Colour colour, TimeUnit unit) implements Serializable {}
    Point point = new Point(1.5, -0.0, "a point");
    return Stream.of(
        point,
        new Point(Double.NaN, Double.MIN_VALUE, null),
        new Point(0, 0, "wide \u20ac \ud83d\ude00, not short"),
        new Primitives(true, (byte) -1, (short) -2, '\u20ac', -3, 1L << 40, 1.5f, 1e300, false),
        new Boxes(true, (byte) 1, (short) 2, 'c', 3, 4L, 5f, 6d, 7),
        new Boxes(null, null, null, null, null, null, null, null, 1L),
        new Nothing(),
        new Pair<>(new Pair<>(1, "one"), new Pair<>(null, point)),
        new Pair<>(Colour.GREEN, TimeUnit.DAYS),
        new Local(Colour.RED, TimeUnit.SECONDS),
        new Circle(point, 2),
        new Polygon(new ArrayList<>(List.of(point, new Point(1, 2, "b"))), Colour.GREEN),
        new Link(1, new Link(2, new Link(3, null))),
        Colour.RED,
        Colour.GREEN,
        Thread.State.NEW,
        list(),
        list(1, "two", 3.0, null, point, list(list()), Colour.RED));
  }

  @ParameterizedTest
  @MethodSource("structures")
  void structuresTravelLean(Object value) throws Exception {
    assertThat(copy(value)).isEqualTo(value).hasSameClassAs(value);
    assertThat(form(value)).isEqualTo(STRUCTURE);
    assertThat(LEAN.encode(value).remaining()).isLessThan(JAVA.encode(value).remaining());
  }

  @Test
  void arraysInRecordsTravelLean() throws Exception {
    Arrays8 arrays =
        new Arrays8(
            new boolean[] {true, false},
            new byte[] {1},
            new short[0],
            new char[] {'x', '\u20ac'},
            new int[] {1, 2},
            new long[] {3},
            null,
            new double[1_000]);
    assertThat(form(arrays)).isEqualTo(STRUCTURE);
    assertThat(copy(arrays)).usingRecursiveComparison().isEqualTo(arrays);
    Many many = new Many("many", 1, 2, 3);
    assertThat(form(many)).isEqualTo(STRUCTURE);
    assertThat(copy(many)).usingRecursiveComparison().isEqualTo(many);
  }

  @Test
  void theNameOfAClassTravelsOnceInAValue() throws Exception {
    ArrayList<Point> points = new ArrayList<>();
    IntStream.range(0, 100).forEach(i -> points.add(new Point(i, i, "p" + i)));
    int more = LEAN.encode(points).remaining() - LEAN.encode(points.get(10)).remaining();
    assertThat(more).isLessThan(100 * 27);
    assertThat(copy(points)).isEqualTo(points);
  }

  @Test
  void fieldsAreReadAndNotAccessors() throws Exception {
    Careful careful = new Careful(new int[] {1}, new int[] {2});
    assertThat(form(careful)).isEqualTo(STRUCTURE);
    assertThat(((Careful) copy(careful)).others()).containsExactly(2);
  }

  @Test
  void whatIsOneObjectArrivesAsOne() throws Exception {
    int[] array = {1};
    Careful careful = (Careful) copy(new Careful(array, array));
    assertThat(careful).extracting("numbers").isSameAs(careful.others());

    Point point = new Point(1, 2, "p");
    ArrayList<Object> list = list(point, point, array, array);
    Pair<?, ?> pair = (Pair<?, ?>) copy(new Pair<>(list, list));
    assertThat(form(new Pair<>(list, list))).isEqualTo(STRUCTURE);
    assertThat(pair.left()).isSameAs(pair.right());
    List<?> read = (List<?>) pair.left();
    assertThat(read.get(0)).isEqualTo(point).isSameAs(read.get(1));
    assertThat(read.get(2)).isSameAs(read.get(3));
    assertThat((List<?>) copy(list(new Point(1, 2, "p"), new Point(1, 2, "p"))))
        .satisfies(two -> assertThat(two.get(0)).isNotSameAs(two.get(1)));
  }

  @Test
  void sharedPartsDoNotMultiply() throws Exception {
    Object deep = new Point(1, 2, "p");
    for (int i = 0; i < 60; i++) {
      deep = new Pair<>(deep, deep);
    }
    assertThat(form(deep)).isEqualTo(STRUCTURE);
    assertThat(LEAN.encode(deep).remaining()).isLessThan(1_000);
    Object read = copy(deep);
    for (int i = 0; i < 60; i++) {
      Pair<?, ?> pair = (Pair<?, ?>) read;
      assertThat(pair.left()).isSameAs(pair.right());
      read = pair.left();
    }
    String text = "x".repeat(10_000);
    ArrayList<Object> texts = list(text, text, text, text, text, text, text, text, text, text);
    assertThat(LEAN.encode(texts).remaining()).isLessThan(11_000);
    assertThat(copy(texts)).isEqualTo(texts);
  }

  static Stream<Object> notLean() {
    Object deep = null;
    for (int i = 0; i < 200; i++) {
      deep = new Pair<>(deep, i);
    }
    Names names = new Names();
    names.add("a name");
    return Stream.of(
        new Pair<>(List.of(1), 2),
        new Pair<>(BigDecimal.ONE, null),
        new Pair<>("a", Map.of(1, 2)),
        new Pair<>(new int[0][0].getClass(), 1),
        new External(3),
        deep,
        names,
        list(1, Set.of(2)));
  }

  @ParameterizedTest
  @MethodSource("notLean")
  void theRestGoesTheOldWayAsAWhole(Object value) throws Exception {
    assertThat(form(value)).isEqualTo(OTHER);
    assertThat(LEAN.encode(value).remaining()).isEqualTo(JAVA.encode(value).remaining() + 5);
    assertThat(copy(value)).isEqualTo(value);
  }

  @Test
  void replacementsAreThoseOfJavasSerialization() throws Exception {
    assertThat(copy(new Replaced("a"))).isEqualTo("instead of a");
    assertThat(copy(new Resolved("b"))).isEqualTo("resolved b");
    assertThat(copy(list(new Replaced("a"), new Resolved("b"))))
        .isEqualTo(list("instead of a", "resolved b"));
  }

  @Test
  void aListInItselfComesBack() throws Exception {
    ArrayList<Object> list = list(1);
    list.add(list);
    List<?> read = (List<?>) copy(list);
    assertThat(read.get(0)).isEqualTo(1);
    assertThat(read.get(1)).isSameAs(read);
  }

  @Test
  void whatCannotBeWrittenHasTheMessageOfJavasSerialization() throws Exception {
    for (Object value :
        List.of(
            new Plain(1),
            new Pair<>("x".repeat(100), new Thread("a thread")),
            new Pair<>(1, new Pair<>(new Plain(2), null)),
            list(1, new int[1_000], new Object()))) {
      Output out = new Output(16);
      out.putInt(7);
      Throwable thrown = catchThrowable(() -> LEAN.write(value, out));
      assertThat(thrown)
          .isInstanceOf(IOException.class)
          .hasMessage(catchThrowable(() -> JAVA.encode(value)).getMessage())
          .hasMessageContaining("is not serializable: ");
      assertThat(out.length()).isEqualTo(Integer.BYTES);
    }
  }

  @Test
  void whatAConstructorThrowsHasTheMessageOfJavasSerialization() throws Exception {
    Object value = new Pair<>("text", new Positive(-1));
    ByteBuffer lean = LEAN.encode(value);
    ByteBuffer java = JAVA.encode(value);
    Positive.strict = true;
    try {
      assertThat(catchThrowable(() -> LEAN.decode(lean)))
          .isInstanceOf(IOException.class)
          .hasMessage(catchThrowable(() -> JAVA.decode(java)).getMessage())
          .hasMessageContaining("-1 is not positive")
          .hasMessageEndingWith("$Pair > %s".formatted(Positive.class.getName()))
          .hasRootCauseInstanceOf(IllegalArgumentException.class);
    } finally {
      Positive.strict = false;
    }
  }

  /** As if a class had another name on the rank that reads. */
  private static ByteBuffer renamed(ByteBuffer encoded, String from, String to) {
    byte[] bytes = new byte[encoded.remaining()];
    encoded.get(bytes);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    assertThat(text).contains(from);
    assertThat(to).hasSameSizeAs(from);
    return ByteBuffer.wrap(text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1));
  }

  private static Object asVersion(Serializer serializer, String version) throws Exception {
    Object written = new Pair<>(new VersionA(1, "gone", new int[] {2}, 3), "behind");
    return serializer.decode(renamed(serializer.encode(written), "VersionA", version));
  }

  @Test
  void componentsAreMatchedByNameAsJavasSerializationDoes() throws Exception {
    assertThat(form(new VersionA(1, "gone", null, 3))).isEqualTo(STRUCTURE);
    for (Serializer serializer : List.of(JAVA, LEAN)) {
      Pair<?, ?> read = (Pair<?, ?>) asVersion(serializer, "VersionB");
      VersionB b = (VersionB) read.left();
      assertThat(b.kept()).isEqualTo(1);
      assertThat(b.also()).isEqualTo(3);
      assertThat((int[]) b.numbers()).containsExactly(2);
      assertThat(b.added()).isZero();
      assertThat(b.colour()).isNull();
      assertThat(read.right()).isEqualTo("behind");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"VersionC", "VersionD", "VersionE", "VersionF", "VersionG"})
  void aClassThatDoesNotFitIsNamed(String version) {
    assertThatThrownBy(() -> asVersion(JAVA, version)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> asVersion(LEAN, version))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("LeanSerializerTest$" + version)
        .hasMessageContaining("on this rank")
        .hasMessageContaining(
            switch (version) {
              case "VersionC" -> "component kept";
              case "VersionD" -> "component gone";
              case "VersionE" -> "is neither a record nor an enum";
              case "VersionF" -> "is not serializable";
              default -> "is not to be found";
            });
  }

  @Test
  void aMissingClassHasTheMessageOfJavasSerialization() {
    Throwable thrown = catchThrowable(() -> asVersion(LEAN, "VersionG"));
    assertThat(thrown)
        .hasMessageEndingWith(
            "not to be found on this rank, in %s > %s"
                .formatted(Pair.class.getName(), VersionA.class.getName().replace("nA", "nG")))
        .hasCauseInstanceOf(ClassNotFoundException.class);
    assertThat(catchThrowable(() -> asVersion(JAVA, "VersionG")))
        .hasMessageStartingWith(thrown.getMessage());
  }

  @Test
  void aMissingConstantIsNamed() throws Exception {
    ByteBuffer lean = renamed(LEAN.encode(new Pair<>(1, Colour.RED)), "RED", "RAD");
    ByteBuffer java = renamed(JAVA.encode(new Pair<>(1, Colour.RED)), "RED", "RAD");
    assertThat(catchThrowable(() -> LEAN.decode(lean)))
        .hasMessageContaining("enum constant RAD does not exist in class")
        .hasMessageContaining("LeanSerializerTest$Colour");
    assertThat(catchThrowable(() -> JAVA.decode(java)))
        .hasMessageContaining("enum constant RAD does not exist in class");
  }

  /** The classes and lengths that a filter is asked about while a value is read. */
  private static Set<String> questions(Object value, boolean lean) throws Exception {
    Set<String> asked = new TreeSet<>();
    ObjectInputFilter filter =
        info -> {
          Class<?> type = info.serialClass();
          if (type != null && type.isArray() == (info.arrayLength() >= 0)) {
            asked.add("%s %d".formatted(type, info.arrayLength()));
          }
          return ObjectInputFilter.Status.UNDECIDED;
        };
    ClassFilter both = new ClassFilter(filter);
    JavaSerializer java = new JavaSerializer(LOADER, both);
    Serializer serializer = lean ? new LeanSerializer(java, both) : java;
    serializer.decode(serializer.encode(value));
    return asked;
  }

  @Test
  void theFilterIsAskedWhatJavasSerializationAsks() throws Exception {
    int[] array = new int[5];
    ArrayList<Object> long300 = new ArrayList<>(Collections.nCopies(300, null));
    Object value =
        new Pair<>(
            list(new Point(1, 2, "a"), new Circle(new Point(3, 4, "b"), 1), Colour.GREEN),
            new Pair<>(array, new Pair<>(list(array, 1, 2L, long300), TimeUnit.DAYS)));
    assertThat(form(value)).isEqualTo(STRUCTURE);
    assertThat(questions(value, true)).isEqualTo(questions(value, false)).hasSize(9);
  }

  @Test
  void limitsOfAFilterHold() throws Exception {
    Link links = null;
    for (int i = 0; i < 50; i++) {
      links = new Link(i, links);
    }
    ByteBuffer encoded = LEAN.encode(links);
    for (String limit : List.of("maxdepth=20", "maxrefs=20", "maxbytes=100")) {
      ClassFilter filter = new ClassFilter(ObjectInputFilter.Config.createFilter(limit));
      LeanSerializer limited = new LeanSerializer(new JavaSerializer(LOADER, filter), filter);
      assertThatThrownBy(() -> limited.decode(encoded.duplicate()))
          .as(limit)
          .hasMessageContaining("was rejected by the filter of this pool");
      assertThat(limited.decode(LEAN.encode(new Link(1, null)))).isEqualTo(new Link(1, null));
    }
  }

  @Test
  void rejectedClassesHaveTheMessageOfJavasSerialization() throws Exception {
    ClassFilter filter =
        new ClassFilter(ObjectInputFilter.Config.createFilter("!" + Point.class.getName()));
    JavaSerializer java = new JavaSerializer(LOADER, filter);
    LeanSerializer lean = new LeanSerializer(java, filter);
    Object value = new Pair<>(1, new Point(1, 2, "a"));
    ByteBuffer ofJava = java.encode(value);
    ByteBuffer ofLean = lean.encode(value);
    String counts = ", \\d+ references, \\d+ bytes";
    assertThat(catchThrowable(() -> lean.decode(ofLean)).getMessage().replaceAll(counts, ""))
        .isEqualTo(catchThrowable(() -> java.decode(ofJava)).getMessage().replaceAll(counts, ""))
        .contains("$Point was rejected by the filter of this pool");
  }

  @Test
  void classesComeFromTheGivenLoaderAndGoWithIt() throws Exception {
    ByteBuffer encoded = LEAN.encode(list(new Pair<>(Colour.RED, new Point(1, 2, "a"))));
    WeakReference<ClassLoader> gone = new WeakReference<>(readInAnotherLoader(encoded));
    Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () -> {
              System.gc();
              return gone.get() == null;
            });
  }

  private static ClassLoader readInAnotherLoader(ByteBuffer encoded) throws Exception {
    URL[] here = {LeanSerializerTest.class.getProtectionDomain().getCodeSource().getLocation()};
    try (URLClassLoader other = new URLClassLoader(here, null)) {
      LeanSerializer serializer = new LeanSerializer(new JavaSerializer(other));
      Object pair = ((List<?>) serializer.decode(encoded)).get(0);
      assertThat(pair.getClass().getName()).isEqualTo(Pair.class.getName());
      assertThat(pair.getClass().getClassLoader()).isSameAs(other);
      assertThat(serializer.encode(pair).get(0)).isEqualTo((byte) STRUCTURE);
      assertThat(copy(new Pair<>(1, 2))).isEqualTo(new Pair<>(1, 2));
      return other;
    }
  }

  @Test
  void structuresFollowEachOtherEvenIfOneCannotBeRead() throws Exception {
    Output out = new Output(16);
    LEAN.write(new VersionA(1, "a", null, 2), out);
    LEAN.write(new Point(1, 2, "b"), out);
    LEAN.write(Colour.RED, out);
    ByteBuffer in = renamed(out.toBuffer(), "VersionA", "VersionG");
    assertThatThrownBy(() -> LEAN.read(in)).hasMessageContaining("VersionG");
    assertThat(LEAN.read(in)).isEqualTo(new Point(1, 2, "b"));
    LeanSerializer.skip(in);
    assertThat(in.hasRemaining()).isFalse();
  }

  @Test
  void damagedStructuresAreRefusedOrReadAsSomething() throws Exception {
    Object value = list(new Pair<>(new int[3], Colour.RED), new Point(1, 2, "a name that is long"));
    byte[] whole = new byte[LEAN.encode(value).remaining()];
    LEAN.encode(value).get(whole);
    for (int length = 0; length < whole.length; length++) {
      ByteBuffer cut = ByteBuffer.wrap(whole, 0, length);
      assertThatThrownBy(() -> LEAN.decode(cut)).isInstanceOf(IOException.class);
    }
    Random random = new Random(6);
    int refused = 0;
    for (int run = 0; run < 20_000; run++) {
      byte[] bytes = whole.clone();
      for (int i = random.nextInt(3); i >= 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      try {
        LEAN.decode(ByteBuffer.wrap(bytes));
      } catch (IOException e) {
        assertThat(e.getCause() instanceof OutOfMemoryError).isFalse();
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(10_000);
  }

  /** Makes values of all kinds, some of which are parts of several others. */
  private static final class Graphs {
    private final Random random;
    private final List<Object> made = new ArrayList<>();

    Graphs(long seed) {
      random = new Random(seed);
    }

    Object next(int depth) {
      if (!made.isEmpty() && random.nextInt(5) == 0) {
        return made.get(random.nextInt(made.size()));
      }
      Object value = depth == 0 ? leaf() : branch(depth - 1);
      if (value != null) {
        made.add(value);
      }
      return value;
    }

    private Object leaf() {
      List<Supplier<Object>> leaves =
          List.of(
              () -> null,
              () -> random.nextInt(),
              () -> random.nextDouble(),
              () -> random.nextBoolean(),
              () -> (char) random.nextInt(),
              () ->
                  random
                      .ints(random.nextInt(30), 0, 1_000)
                      .mapToObj(i -> "" + (char) i)
                      .reduce("", String::concat),
              () -> random.doubles(random.nextInt(30)).toArray(),
              () -> new byte[random.nextInt(3)],
              () -> random.nextBoolean() ? Colour.RED : Colour.GREEN,
              () -> random.nextInt(20) == 0 ? new BigDecimal(random.nextInt()) : 1L,
              Nothing::new);
      return leaves.get(random.nextInt(leaves.size())).get();
    }

    private Object branch(int depth) {
      return switch (random.nextInt(5)) {
        case 0 -> new Pair<>(next(depth), next(depth));
        case 1 -> new Point(random.nextInt(), random.nextGaussian(), "" + random.nextInt());
        case 2 -> new Many(random.nextBoolean() ? null : "many", random.ints(3).toArray());
        case 3 -> new Link(random.nextInt(), new Link(random.nextInt(), null));
        default -> {
          ArrayList<Object> list = new ArrayList<>();
          for (int i = random.nextInt(15); i > 0; i--) {
            list.add(next(depth));
          }
          yield list;
        }
      };
    }
  }

  /** Says the values and which of them are one object. */
  private static String shape(Object value, Map<Object, Integer> seen) throws Exception {
    if (value == null || value instanceof Number || value instanceof Boolean) {
      return "" + value;
    }
    if (value instanceof String || value instanceof Character || value instanceof Enum) {
      return value.getClass().getSimpleName() + value;
    }
    Integer number = seen.putIfAbsent(value, seen.size());
    if (number != null) {
      return "#" + number;
    }
    StringBuilder text = new StringBuilder(value.getClass().getName()).append('(');
    if (value instanceof List<?> list) {
      for (Object element : list) {
        text.append(shape(element, seen)).append(',');
      }
    } else if (value.getClass().isArray()) {
      for (int i = 0; i < Array.getLength(value); i++) {
        text.append(Array.get(value, i)).append(',');
      }
    } else {
      for (var component : value.getClass().getRecordComponents()) {
        text.append(shape(component.getAccessor().invoke(value), seen)).append(',');
      }
    }
    return text.append(')').toString();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void randomGraphsArriveAsJavasSerializationBringsThem(long seed) throws Exception {
    Graphs graphs = new Graphs(seed);
    int lean = 0;
    for (int run = 0; run < 500; run++) {
      graphs.made.clear();
      Object value = new Pair<>(graphs.next(4), graphs.next(3));
      lean += form(value) == STRUCTURE ? 1 : 0;
      String shape = shape(value, new IdentityHashMap<>());
      assertThat(shape(copy(value), new IdentityHashMap<>()))
          .as("seed %d, run %d", seed, run)
          .isEqualTo(shape)
          .isEqualTo(shape(JAVA.decode(JAVA.encode(value)), new IdentityHashMap<>()));
    }
    assertThat(lean).as("seed %d", seed).isBetween(200, 499);
  }
}
