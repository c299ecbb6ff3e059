package dev.mpipool.serial;

import java.io.ObjectInputFilter;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.apache.fory.Fory;
import org.apache.fory.ThreadSafeFory;
import org.apache.fory.config.ForyBuilder;
import org.apache.fory.logging.LoggerFactory;

/**
 * Apache Fory in the place of Java's serialization: quicker and shorter for objects of many parts,
 * and for the program's own classes whether they are {@link java.io.Serializable} or not. The jar
 * is the program's to bring: {@code org.apache.fory:fory-core}, on the class path of every rank.
 *
 * <p><b>What is let in.</b> Fory asks no {@link ObjectInputFilter}; neither a pool's filter nor
 * {@code jdk.serialFilter} protects what it reads. {@linkplain #ForySerializer() Made without
 * arguments}, it reads every class that it finds except those on Fory's own list of dangerous ones,
 * as Java's serialization without a filter does; that is for jobs whose ranks trust each other. For
 * more, bring {@linkplain #ForySerializer(ThreadSafeFory) a Fory of your own}, which lets in
 * registered classes only, or those that its {@code TypeChecker} allows.
 *
 * <p>An example is at {@link Serializer}.
 */
public final class ForySerializer implements Serializer {

  private static final String MODULE = "org.apache.fory:fory-core";

  /** So deep Java's own serialization goes, too, on a thread of the usual size. */
  private static final int MOST_DEPTH = 1_000;

  /** So many threads can use it at the same time; others wait for them. */
  private static final int MOST_AT_A_TIME = 8;

  private final ThreadSafeFory fory;
  private final String format;

  /**
   * A Fory that writes and reads the objects of all classes, shared and circular references
   * included. Classes are looked for by the calling thread's context class loader, and have to have
   * the same fields on all ranks. Values are nested up to 1,000 deep.
   *
   * @throws IllegalStateException if Fory is not on the class path, and if this JVM has a {@code
   *     jdk.serialFilter}, which would not be asked
   */
  public ForySerializer() {
    this(ofAllClasses());
  }

  /**
   * A serializer that uses a Fory of the program's making, which decides what may travel. All ranks
   * have to make it in the same way, registrations and their order included: only Fory's version is
   * compared. mpipool's own classes need no registration, except that tasks hold {@link
   * dev.mpipool.Broadcast} handles within other objects.
   *
   * @param fory with Java's native format ({@code withXlang(false)}), and with the class loader of
   *     the program, not null
   */
  public ForySerializer(ThreadSafeFory fory) {
    this.fory = Objects.requireNonNull(fory, "fory");
    String version = Fory.class.getPackage().getImplementationVersion();
    this.format = version == null ? "Apache Fory" : "Apache Fory " + version;
  }

  private static ThreadSafeFory ofAllClasses() {
    if (ObjectInputFilter.Config.getSerialFilter() != null) {
      throw new IllegalStateException(
          "This JVM has a jdk.serialFilter, which Apache Fory would not ask. Give ForySerializer a Fory"
              + " that lets in what you want, or take the filter away.");
    }
    try {
      LoggerFactory.useSlf4jLogging(true); // else it writes to the program's standard output
      ForyBuilder builder =
          Fory.builder()
              .withXlang(false)
              .withCompatible(false)
              .withRefTracking(true)
              .requireClassRegistration(false)
              .withMaxDepth(MOST_DEPTH)
              .withMaxGraphMemoryBytes(Long.MAX_VALUE)
              .withMaxUnbackedContainerItems(Integer.MAX_VALUE);
      return builder.buildThreadSafeForyPool(
          Math.min(MOST_AT_A_TIME, Runtime.getRuntime().availableProcessors()));
    } catch (NoClassDefFoundError e) {
      throw new IllegalStateException(
          "Apache Fory is not on the class path of this rank (%s is missing): add the jar of %s"
              .formatted(e.getMessage(), MODULE),
          e);
    }
  }

  @Override
  public ByteBuffer encode(Object value) {
    return ByteBuffer.wrap(fory.serialize(value));
  }

  @Override
  public Object decode(ByteBuffer bytes) {
    if (bytes.hasArray()) {
      return fory.deserialize(bytes);
    }
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return fory.deserialize(copy);
  }

  @Override
  public String format() {
    return format;
  }
}
