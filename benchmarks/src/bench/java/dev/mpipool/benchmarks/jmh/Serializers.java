package dev.mpipool.benchmarks.jmh;

import dev.mpipool.serial.ForySerializer;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Serializer;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A value to bytes and back, by Java's serialization, by a pool's serializer as it is by default
 * (lean where there is a lean form, else Java's), and by one for which Fory is chosen.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class Serializers {

  /** A small object of a program. */
  record Point(double x, double y, String name) implements Serializable {}

  /** Who writes and reads. */
  @Param({"java", "default", "fory"})
  public String serializer;

  /** What is written and read. */
  @Param({"point", "points", "map", "doubles", "string"})
  public String value;

  private Serializer used;
  private Object object;
  private ByteBuffer encoded;

  /** Makes the value, and says how many bytes it takes. */
  @Setup
  public void prepare() throws Exception {
    ClassLoader loader = Serializers.class.getClassLoader();
    used =
        switch (serializer) {
          case "java" -> new JavaSerializer(loader);
          case "default" -> new LeanSerializer(new JavaSerializer(loader));
          default -> LeanSerializer.with(new ForySerializer(), loader);
        };
    object =
        switch (value) {
          case "point" -> point(1);
          case "points" ->
              new ArrayList<>(IntStream.range(0, 100).mapToObj(Serializers::point).toList());
          case "map" -> map();
          case "doubles" -> new double[1_000];
          default -> "a string of thirty-two letters..";
        };
    encoded = used.encode(object);
    System.out.printf("%s by %s: %d bytes%n", value, serializer, encoded.remaining());
  }

  private static Point point(int i) {
    return new Point(i, Math.sqrt(i), "point " + i);
  }

  private static Map<String, List<Integer>> map() {
    Map<String, List<Integer>> map = new HashMap<>();
    IntStream.range(0, 100).forEach(i -> map.put("key " + i, new ArrayList<>(List.of(i, -i))));
    return map;
  }

  /** To bytes. */
  @Benchmark
  public ByteBuffer encode() throws Exception {
    return used.encode(object);
  }

  /** And back. */
  @Benchmark
  public Object decode() throws Exception {
    return used.decode(encoded);
  }
}
