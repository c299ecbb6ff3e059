package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class FieldPathTest {

  private static final String HERE = FieldPathTest.class.getName();

  static final class Lock {}

  static class Base implements Serializable {
    private static final long serialVersionUID = 1;
    Object inherited;
  }

  static final class Node extends Base {
    private static final long serialVersionUID = 1;
    Object value;
    transient Object ignored = new Lock();
    Node next;
  }

  record Pair(Object left, Object right) implements Serializable {}

  record Task(Object code, List<Object> arguments) implements TaskCall {
    @Override
    public Object call() {
      return null;
    }
  }

  private static String path(Object root) {
    return FieldPath.toUnserializable(root).orElse("none");
  }

  @Test
  void aValueThatIsSerializableHasNone() {
    assertThat(path(null)).isEqualTo("none");
    assertThat(path("text")).isEqualTo("none");
    assertThat(path(new Node())).isEqualTo("none");
    assertThat(path(new Pair(new int[] {1}, List.of("a", Thread.State.NEW, Lock.class))))
        .isEqualTo("none");
  }

  @Test
  void theValueItselfMayBeToBlame() {
    assertThat(path(new Lock())).isEqualTo(HERE + "$Lock");
  }

  @Test
  void fieldsAreNamedAlsoInheritedOnes() {
    Node node = new Node();
    node.next = new Node();
    node.next.inherited = new Lock();

    assertThat(path(node)).isEqualTo(HERE + "$Node.next.inherited");
  }

  @Test
  void arraysAndCollectionsAreCounted() {
    Object[] array = {"a", null, List.of("b", new Lock())};

    assertThat(path(array)).isEqualTo("java.lang.Object[][2][1]");
  }

  @Test
  void mapsAreNamedByKey() {
    Map<Object, Object> map = new HashMap<>();
    map.put("good", 1);
    map.put("bad", new Lock());

    assertThat(path(map)).isEqualTo("java.util.HashMap[bad]");
    assertThat(path(Map.of(new Lock(), 1))).endsWith(".key(" + HERE + "$Lock)");
  }

  @Test
  void recordComponentsAreNamed() {
    assertThat(path(new Pair("a", new Pair(new Lock(), null))))
        .isEqualTo(HERE + "$Pair.right.left");
  }

  @Test
  void whatALambdaCapturedIsNamed() {
    Node node = new Node();
    node.value = new Lock();
    Callable<Object> lambda = (Callable<Object> & Serializable) () -> node;

    assertThat(path(new Task(lambda, List.of())))
        .isEqualTo(
            "lambda in " + HERE + ".whatALambdaCapturedIsNamed, captured " + HERE + "$Node.value");
  }

  @Test
  void aLambdaThatCapturesTheObjectItStandsInSaysSo() {
    Callable<Object> lambda = (Callable<Object> & Serializable) () -> this;

    assertThat(path(new Task(lambda, List.of())))
        .endsWith(".aLambdaThatCapturesTheObjectItStandsInSaysSo, captured " + HERE);
  }

  @Test
  void argumentsAreCountedFromOne() {
    Task task = new Task("code", Arrays.asList("good", null, List.of(1, new Lock())));

    assertThat(path(task)).startsWith("argument 3, java.util.").endsWith("[1]");
  }

  @Test
  void transientFieldsAreNoWay() {
    Node node = new Node();
    node.ignored = new Lock();

    assertThat(path(node)).isEqualTo("none");
  }

  @Test
  void cyclesEnd() {
    Node node = new Node();
    node.next = node;
    List<Object> list = new ArrayList<>();
    list.add(list);
    node.value = list;

    assertThat(path(node)).isEqualTo("none");
    node.inherited = new Lock();
    assertThat(path(node)).isEqualTo(HERE + "$Node.inherited");
  }

  @Test
  void theWayFoundIsAShortestOne() {
    Lock lock = new Lock();
    Node node = new Node();
    node.value = List.of(List.of(lock));
    node.next = new Node();
    node.next.inherited = lock;
    Pair pair = new Pair(node, lock);

    assertThat(path(pair)).isEqualTo(HERE + "$Pair.right");
  }

  @Test
  void theWayIntoALargeListIsFound() {
    List<Object> list = new ArrayList<>();
    for (int i = 0; i < 150_000; i++) {
      list.add(new Pair(i, null));
    }
    list.set(7, new Lock());

    assertThat(path(list)).isEqualTo("java.util.ArrayList[7]");
  }

  @Test
  void aLongChainDoesNotExhaustTheStack() {
    Node node = new Node();
    node.value = new Lock();
    for (int i = 0; i < 2_000; i++) {
      Node before = new Node();
      before.next = node;
      node = before;
    }

    assertThat(path(node)).startsWith(HERE + "$Node.next.next").endsWith(".value");
  }
}
