package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class JavaSerializerTest {

  private static final JavaSerializer SERIALIZER =
      new JavaSerializer(JavaSerializerTest.class.getClassLoader());

  @SuppressWarnings("ArrayRecordComponent") // users do it, too
  record Point(int x, double[] y) implements Serializable {}

  static final class Job implements Serializable {
    private static final long serialVersionUID = 1;
    final List<Object> names = Arrays.asList("a", new Object());
  }

  static final class Chain implements Serializable {
    private static final long serialVersionUID = 1;
    Chain next;
  }

  static final class ThrowsWhenWritten implements Serializable {
    private static final long serialVersionUID = 1;

    private void writeObject(ObjectOutputStream out) throws IOException {
      throw new IOException("staged");
    }
  }

  static Stream<Object> values() {
    return Stream.of(
        "text", 42, List.of(1, 2), Map.of("a", 1), int.class, String[].class, Thread.State.NEW);
  }

  @ParameterizedTest
  @MethodSource("values")
  void valuesComeBackEqual(Object value) throws Exception {
    assertThat(SERIALIZER.decode(SERIALIZER.encode(value))).isEqualTo(value);
  }

  @Test
  void nullComesBack() throws Exception {
    assertThat(SERIALIZER.decode(SERIALIZER.encode(null))).isNull();
  }

  @Test
  void recordsAndArraysComeBack() throws Exception {
    Point point = (Point) SERIALIZER.decode(SERIALIZER.encode(new Point(3, new double[] {1.5})));

    assertThat(point.x()).isEqualTo(3);
    assertThat(point.y()).containsExactly(1.5);
  }

  @Test
  void capturingLambdasComeBack() throws Exception {
    int captured = 20;
    Callable<Integer> task = (Callable<Integer> & Serializable) () -> captured + 1;

    Callable<?> read = (Callable<?>) SERIALIZER.decode(SERIALIZER.encode(task));

    assertThat(read.call()).isEqualTo(21);
  }

  @Test
  void bytesAreReadFromAnyKindOfBufferWithoutMovingIt() throws Exception {
    ByteBuffer encoded = SERIALIZER.encode("text");
    byte[] padded = new byte[encoded.remaining() + 7];
    encoded.duplicate().get(padded, 3, encoded.remaining());
    ByteBuffer part = ByteBuffer.wrap(padded, 3, encoded.remaining());

    assertThat(SERIALIZER.decode(part.slice())).isEqualTo("text");
    assertThat(SERIALIZER.decode(part.asReadOnlyBuffer())).isEqualTo("text");
    assertThat(part.position()).isEqualTo(3);
  }

  @Test
  void anErrorNamesTheClassAndTheFieldPath() {
    assertThatThrownBy(() -> SERIALIZER.encode(new Job()))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "class java.lang.Object is not serializable: " + Job.class.getName() + ".names[1]")
        .hasCauseInstanceOf(NotSerializableException.class);
  }

  @Test
  void aValueNestedTooDeeplyIsAnErrorOfItsOwn() {
    Chain chain = new Chain();
    for (int i = 0; i < 200_000; i++) {
      Chain longer = new Chain();
      longer.next = chain;
      chain = longer;
    }
    Chain deep = chain;

    assertThatThrownBy(() -> SERIALIZER.encode(deep))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("nested too deeply")
        .hasMessageContaining(Chain.class.getName());
  }

  @Test
  void whatWriteObjectThrowsIsTheError() {
    assertThatThrownBy(() -> SERIALIZER.encode(new ThrowsWhenWritten()))
        .hasMessageContaining("staged")
        .hasMessageContaining(ThrowsWhenWritten.class.getName());
  }

  @Test
  void damagedBytesAreRefusedOrReadAsSomething() throws Exception {
    byte[] whole = new byte[SERIALIZER.encode(new Point(1, new double[3])).remaining()];
    SERIALIZER.encode(new Point(1, new double[3])).get(whole);
    for (int length = 0; length < whole.length; length++) {
      ByteBuffer cut = ByteBuffer.wrap(whole, 0, length);
      assertThatThrownBy(() -> SERIALIZER.decode(cut)).isInstanceOf(Exception.class);
    }
    Random random = new Random(6);
    int refused = 0;
    for (int run = 0; run < 300; run++) {
      byte[] bytes = whole.clone();
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      try {
        SERIALIZER.decode(ByteBuffer.wrap(bytes));
      } catch (Exception | OutOfMemoryError e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(50);
  }

  @Test
  void classesComeFromTheGivenLoader() throws Exception {
    URL[] here = {
      JavaSerializerTest.class.getProtectionDomain().getCodeSource().getLocation(),
      JavaSerializer.class.getProtectionDomain().getCodeSource().getLocation()
    };
    try (URLClassLoader other = new URLClassLoader(here, ClassLoader.getPlatformClassLoader())) {
      Object read =
          new JavaSerializer(other).decode(SERIALIZER.encode(new Object[] {new Chain(), 1}));

      Object chain = ((Object[]) read)[0];
      assertThat(chain.getClass().getName()).isEqualTo(Chain.class.getName());
      assertThat(chain.getClass().getClassLoader()).isSameAs(other);
    }
  }

  @Test
  void dynamicProxiesComeBackInTheGivenLoader() throws Exception {
    ClassLoader loader = JavaSerializerTest.class.getClassLoader();
    Object proxy =
        Proxy.newProxyInstance(
            loader,
            new Class<?>[] {Callable.class},
            (java.lang.reflect.InvocationHandler & Serializable) (self, method, args) -> 5);

    assertThat(((Callable<?>) SERIALIZER.decode(SERIALIZER.encode(proxy))).call()).isEqualTo(5);
  }
}
