package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.serial.ForySerializer;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.Serializer;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a call captures and its arguments are one graph: an object that is reached twice is one. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class IdentityTest {

  private static final int LONG = 1 << 20;

  /** Serializable, but without a lean form. */
  static final class Node implements Serializable {
    private static final long serialVersionUID = 1;
    Object content;
    final Map<Object, Object> others = new HashMap<>();

    Node(Object content) {
      this.content = content;
    }

    boolean holds(Object other) {
      return content == other;
    }
  }

  /** Has a lean form. */
  record Leaf(Object content, int number) implements Serializable {}

  record Pair(Object first, Object second) implements Serializable {}

  static final class Same implements Callable<Boolean>, Serializable {
    private static final long serialVersionUID = 1;
    private final Node node;
    private final Object content;

    Same(Node node) {
      this.node = node;
      this.content = node.content;
    }

    @Override
    public Boolean call() {
      return node.content == content;
    }
  }

  static final class Holds implements SerializableBiFunction<Node, Object, Boolean> {
    private static final long serialVersionUID = 1;
    private final Node own;

    Holds(Node own) {
      this.own = own;
    }

    @Override
    public Boolean apply(Node node, Object content) {
      return node.content == content && own == node;
    }
  }

  /** As a program may write one, by which no lists can be written. */
  static final class NoLists implements Serializer {
    private final Serializer java = new JavaSerializer(NoLists.class.getClassLoader());

    @Override
    public ByteBuffer encode(Object value) throws Exception {
      if (value instanceof Collection) {
        throw new IllegalArgumentException("no lists");
      }
      return java.encode(value);
    }

    @Override
    public Object decode(ByteBuffer bytes) throws Exception {
      return java.decode(bytes);
    }
  }

  static Stream<Serializer> serializers() {
    return Stream.of(null, new ForySerializer(), new SerializerTest.Turning());
  }

  private static MPIExecutor open(Serializer serializer) {
    MPIExecutor.Builder builder = MPIExecutor.builder();
    return (serializer == null ? builder : builder.serializer(serializer)).open();
  }

  private static void expect(CompletableFuture<Boolean> future, String how, Object what)
      throws Exception {
    assertThat(get(future)).as("%s %s", how, what).isTrue();
  }

  private static void expect(CompletableFuture<Boolean> future) throws Exception {
    assertThat(get(future)).isTrue();
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  /** An object, and others that it is a part of: in Java's serialization, and in a lean form. */
  private static List<Pair> wholesWithParts() {
    Node inner = new Node(1);
    Leaf leaf = new Leaf("text", 1);
    List<Object> list = new ArrayList<>(List.of(1, 2));
    int[] array = {1, 2};
    byte[] bytes = new byte[LONG];
    return List.of(
        new Pair(new Node(inner), inner),
        new Pair(new Node(leaf), leaf),
        new Pair(new Leaf(leaf, 2), leaf),
        new Pair(new Leaf(list, 2), list),
        new Pair(new Node(array), array),
        new Pair(new Leaf(array, 2), array),
        new Pair(new Node(bytes), bytes),
        new Pair(new Leaf(bytes, 2), bytes));
  }

  private static boolean holds(Object whole, Object part) {
    return whole instanceof Leaf leaf ? leaf.content() == part : ((Node) whole).content == part;
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void aPartAndItsWhole(Serializer serializer) throws Exception {
    try (MPIExecutor executor = open(serializer)) {
      for (Pair pair : wholesWithParts()) {
        Object whole = pair.first();
        Object part = pair.second();
        expect(executor.submit(() -> holds(whole, part)), "captured", pair);
        assertThat(get(executor.submit(() -> List.of(part != whole, holds(whole, part)))))
            .as("captured, the part first: %s", pair)
            .containsExactly(true, true);
        expect(executor.submit((w, p) -> holds(w, p), whole, part), "arguments", pair);
        expect(
            executor.submit((p, w) -> holds(w, p), part, whole),
            "arguments, the part first:",
            pair);
        expect(
            executor.submit((n, w, p) -> n == 7 && holds(w, p), 7, whole, part),
            "three arguments",
            pair);
        expect(executor.submit(p -> holds(whole, p), part), "captured and argument", pair);
        assertThat(get(executor.submitToAll(() -> holds(whole, part))))
            .as("on all %s", pair)
            .containsOnly(true);
        assertThat(get(executor.submitGroup(2, own -> holds(whole, part))))
            .as("group %s", pair)
            .containsExactly(true, true);
        assertThat(executor.map(x -> holds(whole, part), List.of(1, 2)))
            .as("captured by a batch %s", pair)
            .containsExactly(true, true);
        assertThat(executor.map((w, p) -> holds(w, p), List.of(whole, whole), List.of(part, part)))
            .as("elements of one call %s", pair)
            .containsExactly(true, true);
        assertThat(
                executor
                    .batch()
                    .submit(
                        (n, p, w) -> holds(w, p),
                        List.of(1, 2),
                        List.of(part, part),
                        List.of(whole, whole))
                    .results())
            .as("batch %s", pair)
            .isEqualTo(List.of(true, true));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void oneObjectThatIsPassedTwice(Serializer serializer) throws Exception {
    List<Object> objects = new ArrayList<>(List.of(new byte[LONG], new byte[9], new double[9]));
    objects.addAll(
        List.of(new Node(1), new Leaf(1, 2), new ArrayList<>(List.of(1)), new int[2][3]));
    try (MPIExecutor executor = open(serializer)) {
      for (Object one : objects) {
        Object again = one;
        expect(executor.submit(() -> one == again), "captured", one);
        expect(executor.submit((a, b) -> a == b, one, again), "%s", one);
        expect(executor.submit(a -> a == again, one), "both", one);
        expect(
            executor.submit((a, n, c) -> a == c && n == null, one, null, again),
            "three arguments",
            one);
        assertThat(executor.map((a, b) -> a == b, List.of(one), List.of(again)))
            .as("elements %s", one)
            .containsExactly(true);
        expect(executor.submit((a, b) -> a == b, one, one.getClass().cast(again)));
      }
      byte[] full = new byte[LONG];
      full[LONG - 1] = 5;
      Node node = new Node(full);
      assertThat(
              (Object)
                  get(
                      executor.submit(
                          (a, b, n) -> a == b && n.holds(a) ? a[LONG - 1] : 0, full, full, node)))
          .isEqualTo((byte) 5);
    }
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void codeInAllItsForms(Serializer serializer) throws Exception {
    Node part = new Node("part");
    Node whole = new Node(part);
    SerializableCallable<Boolean> inner = () -> whole.content == part;
    SerializableFunction<Object, Boolean> withArgument = x -> whole.content == x;
    try (MPIExecutor executor = open(serializer)) {
      expect(executor.submit(whole::holds, (Object) part));
      expect(executor.submit(Node::holds, whole, part));
      expect(executor.submit(new Same(whole)));
      expect(executor.submit(new Holds(whole), whole, part));
      expect(executor.submit(() -> inner.call() && whole.content == part));
      expect(executor.submit(() -> withArgument.apply(part)));
      expect(executor.submit((f, p) -> f.apply(p), withArgument, part));
      assertThat(executor.map((f, p) -> f.apply(p), List.of(withArgument), List.of(part)))
          .containsExactly(true);
      assertThat(executor.map(x -> withArgument.apply(part), List.of(1))).containsExactly(true);
      // a result is one value
      SerializableCallable<Boolean> back = get(executor.submit(() -> inner));
      assertThat(back.call()).isTrue();
      Supplier<Pair> made = (Supplier<Pair> & Serializable) () -> new Pair(whole, part);
      Pair pair = get(executor.submit(() -> made)).get();
      assertThat(holds(pair.first(), pair.second())).isTrue();
    }
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void whatIsBroadcastAndWhatTheInitializerCaptures(Serializer serializer) throws Exception {
    Node part = new Node("part");
    Node whole = new Node(part);
    SerializableRunnable initializer =
        () -> System.setProperty("IdentityTest.same", String.valueOf(whole.content == part));
    MPIExecutor.Builder builder = MPIExecutor.builder().initializer(initializer);
    try (MPIExecutor executor =
            (serializer == null ? builder : builder.serializer(serializer)).open();
        Broadcast<List<Node>> table = executor.broadcast(new ArrayList<>(List.of(whole, part)))) {
      assertThat(get(executor.submit(() -> System.getProperty("IdentityTest.same"))))
          .isEqualTo("true");
      expect(executor.submit(t -> t.value().get(0).content == t.value().get(1), table));
      assertThat(get(executor.submit(() -> table.value().size() + (holds(whole, part) ? 1 : 0))))
          .isEqualTo(3);
    } finally {
      System.clearProperty("IdentityTest.same");
    }
  }

  @ParameterizedTest
  @MethodSource("serializers")
  void aChangeIsSeenInBothPlacesAndNotOnMain(Serializer serializer) throws Exception {
    List<Object> list = new ArrayList<>(List.of(1));
    Node holder = new Node(list);
    try (MPIExecutor executor = open(serializer)) {
      assertThat(
              get(
                  executor.submit(
                      () -> {
                        list.add(2);
                        return ((List<?>) holder.content).size();
                      })))
          .isEqualTo(2);
      assertThat(list).hasSize(1);
      Node circle = new Node(null);
      circle.content = new Node(circle);
      Node half = (Node) circle.content;
      expect(executor.submit((a, b) -> a.holds(b) && b.holds(a), circle, half));
    }
  }

  @ParameterizedTest
  @MethodSource("serializers")
  @SuppressWarnings("ReferenceEquality") // of equal records, too
  void valuesThatHaveNothingInCommonStayTwo(Serializer serializer) throws Exception {
    try (MPIExecutor executor = open(serializer)) {
      expect(executor.submit((a, b) -> (Object) a != (Object) b, new Leaf(1, 1), new Leaf(1, 1)));
      expect(executor.submit((a, b) -> a != b, new Node(1), new Node(1)));
      expect(executor.submit((a, b) -> a != b, new int[2], new int[2]));
      List<Node> elements = List.of(new Node(1), new Node(2), new Node(3));
      assertThat(executor.map((a, b) -> (int) a.content * (int) b.content, elements, elements))
          .containsExactly(1, 4, 9);
    }
  }

  @Test
  void aSerializerThatCannotWriteListsGetsTheValuesOneByOne() throws Exception {
    try (MPIExecutor executor = open(new NoLists())) {
      Node part = new Node(1);
      assertThat(
              (Object)
                  get(
                      executor.submit(
                          (a, b) -> a.others.size() + (int) b.content, new Node(2), part)))
          .isEqualTo(1);
      expect(executor.submit((a, b) -> a == b, part, part));
    }
  }
}
