package dev.mpipool.device;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import mpjbuf.Buffer;
import mpjbuf.BufferFactory;
import mpjbuf.NIOBuffer;
import mpjbuf.RawBuffer;

/**
 * The memory of an mpjbuf buffer that has none: a long message goes from the sender's array to the
 * connection, and from the connection to the receiver's array, in pieces that fit into a
 * processor's cache.
 *
 * <p>MPJ Express packs a message into a buffer, hands the buffer to the device, and the receiver
 * unpacks it when it has come: two copies that nothing else can overlap with. Here packing only
 * notes the array. The device reads it while it sends; that is right in the blocking calls, which
 * return when all is written (see {@link StreamedBuffers}). A blocking receive returns from the
 * device as soon as a long message has been matched, and the sender is asked for the bytes by the
 * unpacking, which knows the array that they are for. If it is not unpacked (the types do not fit),
 * the bytes are fetched {@link #PATIENCE_MILLIS} later, so that the sender can go on.
 *
 * <p>Everything else (a second section, elements that do not lie side by side, a short message)
 * gets real memory in the moment it is needed, and is done by mpjbuf.
 *
 * <p>mpjbuf's interface has 56 methods, all but a few of which mean "everything else": hence a
 * {@link Proxy}.
 */
final class StreamedMemory implements InvocationHandler {

  private static final Object ELSE = new Object();
  private static final int SECTION = Buffer.SECTION_OVERHEAD;
  private static final long PATIENCE_MILLIS = 1000;

  /** A message that has been matched, and whose bytes are still at the sender. */
  private record Held(RecvRequest.RendezvousSender sender, int id, RecvRequest matched) {}

  private final BufferFactory maker;
  private final int capacity;
  private final int threshold;

  private RawBuffer real;

  /** The header of the first section, while there is no memory: where it is and what it says. */
  private int at = -1;

  private int type;
  private int count;

  private ArrayRange packed;
  private Held held;
  private ArrayReceive fetched;

  private StreamedMemory(BufferFactory maker, int capacity, int threshold) {
    this.maker = maker;
    this.capacity = capacity;
    this.threshold = threshold;
  }

  static RawBuffer create(BufferFactory maker, int capacity, int threshold) {
    return (RawBuffer)
        Proxy.newProxyInstance(
            StreamedMemory.class.getClassLoader(),
            new Class<?>[] {RawBuffer.class},
            new StreamedMemory(maker, capacity, threshold));
  }

  /** Returns null if the memory is a usual one. */
  static StreamedMemory of(RawBuffer buffer) {
    return Proxy.isProxyClass(buffer.getClass())
            && Proxy.getInvocationHandler(buffer) instanceof StreamedMemory streamed
        ? streamed
        : null;
  }

  /** The memory of a buffer, be it streamed or not. */
  static NIOBuffer memory(Buffer buffer) {
    RawBuffer raw = buffer.getStaticBuffer();
    StreamedMemory streamed = of(raw);
    return (NIOBuffer) (streamed == null ? raw : streamed.real());
  }

  /** The array that was packed, if that is all there is in the buffer. */
  synchronized ArrayRange packed() {
    return packed;
  }

  // ---- what mpjbuf calls

  @Override
  public Object invoke(Object proxy, Method method, Object[] args) throws Throwable {
    String name = method.getName();
    Object answer = method.getDeclaringClass() == Object.class ? ofObject(proxy, name, args) : ELSE;
    if (answer == ELSE) {
      answer = withoutMemory(name, args);
    }
    if (answer == ELSE) {
      try {
        return method.invoke(real(), args);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
    if (answer instanceof ArrayReceive receive) {
      receive.await();
      return null;
    }
    return answer;
  }

  private static Object ofObject(Object proxy, String name, Object[] args) {
    return switch (name) {
      case "equals" -> proxy == args[0];
      case "hashCode" -> System.identityHashCode(proxy);
      default -> "streamed memory";
    };
  }

  /** What can be done without memory; ELSE if it cannot. */
  private synchronized Object withoutMemory(String name, Object[] args) {
    if (name.equals("getCapacity")) {
      return capacity;
    } else if (name.equals("free")) {
      return null;
    } else if (real != null) {
      return ELSE;
    }
    return switch (name) {
      case "putByte" -> begin((int) args[0], (int) args[1]);
      case "putInt" -> (int) args[1] == at + 4 ? end((int) args[0]) : ELSE;
      case "getByte" -> (int) args[0] == at ? type : ELSE;
      case "getInt" -> (int) args[0] == at + 4 ? count : ELSE;
      case "write" -> pack(args) ? null : ELSE;
      case "read" -> unpack(args);
      default -> ELSE;
    };
  }

  private Object begin(int sectionType, int place) {
    if (at >= 0) {
      return ELSE;
    }
    type = sectionType;
    at = place;
    return null;
  }

  private Object end(int elements) {
    count = elements;
    return null;
  }

  private boolean pack(Object[] args) {
    ArrayRange range = ArrayRange.of(args[0], (int) args[1], (int) args[2]);
    if (packed != null || range == null || range.bytes() <= threshold) {
      return false;
    }
    if ((int) args[3] != at + SECTION) {
      return false;
    }
    packed = range;
    return true;
  }

  /** Asks for the message that is held, if it fits this call; ELSE if it does not. */
  private Object unpack(Object[] args) {
    ArrayRange range = ArrayRange.of(args[0], (int) args[1], (int) args[2]);
    if (held == null || range == null || range.bytes() != held.matched.length() - SECTION) {
      return ELSE;
    }
    Held message = held;
    held = null;
    ArrayReceive receive = new ArrayReceive(message.matched, range);
    message.sender.fetch(message.id, receive);
    return receive;
  }

  // ---- what the device calls

  /**
   * Holds a message that this memory's receive has matched.
   *
   * @return false if it has to be received as usual
   */
  boolean hold(RecvRequest.RendezvousSender sender, int id, Envelope e, RecvRequest matched) {
    synchronized (this) {
      if (real != null || e.dynamicLength > 0 || e.elements <= 0) {
        return false;
      }
      at = 0;
      type = e.type;
      count = e.elements;
      held = new Held(sender, id, matched);
    }
    sender.later(PATIENCE_MILLIS, this::fetchIfHeld);
    return true;
  }

  /** The message has not been unpacked: the sender is not kept waiting any longer. */
  private synchronized void fetchIfHeld() {
    if (held != null) {
      Held message = held;
      held = null;
      int length = message.matched.length();
      NIOBuffer memory = allocate(length);
      fetched =
          new ArrayReceive(
              message.matched,
              ArrayRange.of(
                  memory.getBuffer().duplicate().clear().limit(length).position(SECTION)));
      message.sender.fetch(message.id, fetched);
    }
  }

  /** Memory of the usual kind, with all that is in the buffer. */
  private RawBuffer real() {
    ArrayReceive wait;
    synchronized (this) {
      fetchIfHeld();
      if (real == null) {
        materialize();
      }
      wait = fetched;
    }
    if (wait != null) {
      wait.await();
    }
    return real;
  }

  private void materialize() {
    NIOBuffer memory = allocate(capacity);
    if (packed != null) {
      int from = at + SECTION;
      packed.read(
          0,
          memory.getBuffer().duplicate().clear().limit(from + (int) packed.bytes()).position(from));
      packed = null;
    }
  }

  private NIOBuffer allocate(int bytes) {
    NIOBuffer memory = (NIOBuffer) maker.createBuffer(bytes);
    memory.getBuffer().clear();
    if (at >= 0) {
      memory.putByte(type, at);
      memory.putInt(count, at + 4);
      memory.getBuffer().clear();
    }
    real = memory;
    return memory;
  }

  /** The program has no use for the buffer any more. */
  void destroy() {
    RawBuffer memory;
    synchronized (this) {
      if (held != null) {
        held.sender.refuse(held.id);
        held = null;
      }
      memory = real;
      packed = null;
      real = null;
    }
    if (memory != null) {
      maker.destroyBuffer(memory);
    }
  }
}
