package dev.mpipool.benchmarks.jmh;

import dev.mpipool.SerializableCallable;
import dev.mpipool.benchmarks.executor.Call;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Frames and lambdas, to bytes and back: nanoseconds for each entry or task. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SmallParts {

  private static final int ENTRIES = 1000;

  private final ClassLoader loader = SmallParts.class.getClassLoader();
  private final LeanSerializer serializer = new LeanSerializer(new JavaSerializer(loader));
  private final CallCodec codec = new CallCodec(serializer);
  private final List<Entry> entries = new ArrayList<>();
  private final SerializableCallable<Integer> captureless = () -> 1;
  private long captured;
  private ByteBuffer frame;
  private EncodedCall encoded;
  private EncodedCall encodedCapturing;
  private Object code;
  private Object codeCapturing;

  /** Encodes what is to be decoded. */
  @Setup
  public void prepare() throws Exception {
    encoded = lambdaEncode();
    encodedCapturing = capturingLambdaEncode();
    code = codec.prepare(serializer.decode(encoded.code().encoded()), loader);
    codeCapturing = codec.prepare(serializer.decode(encodedCapturing.code().encoded()), loader);
    for (int i = 0; i < ENTRIES; i++) {
      entries.add(new Entry(EntryKind.TASK, i, encoded.payload()));
    }
    frame = Frame.encode(entries);
  }

  /** A frame of a thousand tasks. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES)
  public ByteBuffer frameEncode() {
    return Frame.encode(entries);
  }

  /** A frame of a thousand tasks. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES)
  public Object frameDecode() throws Exception {
    return Frame.decode(frame);
  }

  /** A lambda that captures nothing. */
  @Benchmark
  public EncodedCall lambdaEncode() throws Exception {
    return codec.encode(new Call(captureless));
  }

  /** A lambda that captures a long. */
  @Benchmark
  public EncodedCall capturingLambdaEncode() throws Exception {
    long number = captured++;
    SerializableCallable<Long> task = () -> number;
    return codec.encode(new Call(task));
  }

  /** A lambda that captures nothing, read and called. */
  @Benchmark
  public Object lambdaDecode() throws Exception {
    return call(encoded, code);
  }

  /** A lambda that captures a long, read and called. */
  @Benchmark
  public Object capturingLambdaDecode() throws Exception {
    return call(encodedCapturing, codeCapturing);
  }

  /** A lambda as Java's own serialization writes it, to compare. */
  @Benchmark
  public Object lambdaEncodeByJava() throws Exception {
    return new JavaSerializer(loader).encode(captureless);
  }

  private Object call(EncodedCall call, Object ready) throws Exception {
    return codec
        .decode(call.payload(), () -> ready, (shape, task, a, b, c) -> ((Callable<?>) task).call())
        .call();
  }
}
