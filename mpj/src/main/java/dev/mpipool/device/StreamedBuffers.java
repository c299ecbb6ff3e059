package dev.mpipool.device;

import java.lang.reflect.Field;
import java.util.Set;
import mpjbuf.BufferFactory;
import mpjbuf.RawBuffer;

/**
 * The maker of mpjbuf's memory while the device is open. For long messages of MPI's blocking calls
 * it hands out a {@link StreamedMemory}, which needs none; all others come from the maker that was
 * there before.
 *
 * <p>Only for the blocking calls, since {@code Isend} has to be done with the array's content when
 * it returns: MPJ Express itself relies on that ({@code Sendrecv_replace}), and so does {@code
 * Pack}.
 */
final class StreamedBuffers extends BufferFactory {

  private static final Set<String> BLOCKING = Set.of("send", "ssend", "recv");
  private static final StackWalker CALLERS = StackWalker.getInstance();
  private static final boolean ENABLED =
      !"false".equals(System.getProperty("mpipool.device.stream"));

  private final BufferFactory before;
  private final int threshold;

  private StreamedBuffers(BufferFactory before, int threshold) {
    this.before = before;
    this.threshold = threshold;
  }

  /** Takes the place of the present maker, for messages of more bytes than that. */
  static void install(int threshold) {
    BufferFactory present = present();
    if (ENABLED && present != null && !(present instanceof StreamedBuffers)) {
      replace(new StreamedBuffers(present, threshold));
    }
  }

  /** Gives the place back. */
  static void uninstall() {
    if (present() instanceof StreamedBuffers mine) {
      replace(mine.before);
    }
  }

  /**
   * MPJ Express has no way to say it: the field is its own. Without it the device is only slower.
   */
  private static Field field() throws ReflectiveOperationException {
    Field field = BufferFactory.class.getDeclaredField("factory");
    field.setAccessible(true);
    return field;
  }

  private static BufferFactory present() {
    try {
      return (BufferFactory) field().get(null);
    } catch (ReflectiveOperationException | RuntimeException e) {
      return null;
    }
  }

  private static void replace(BufferFactory factory) {
    try {
      field().set(null, factory);
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw new IllegalStateException("the field was there a moment ago", e);
    }
  }

  @Override
  public void init() {}

  @Override
  public void finalixe() {}

  @Override
  public RawBuffer createBuffer(int size) {
    if (size > threshold && isForBlockingCall()) {
      return StreamedMemory.create(before, size, threshold);
    }
    return before.createBuffer(size);
  }

  /** This method and createBuffer, BufferFactory.create, createXBuffer of a data type, mpi.Comm. */
  private static boolean isForBlockingCall() {
    return CALLERS.walk(
        frames ->
            frames
                .limit(8)
                .filter(f -> f.getClassName().equals("mpi.Comm"))
                .findFirst()
                .map(f -> BLOCKING.contains(f.getMethodName()))
                .orElse(false));
  }

  @Override
  public void destroyBuffer(RawBuffer buffer) {
    StreamedMemory streamed = StreamedMemory.of(buffer);
    if (streamed == null) {
      before.destroyBuffer(buffer);
    } else {
      streamed.destroy();
    }
  }
}
