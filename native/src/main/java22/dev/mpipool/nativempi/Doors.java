package dev.mpipool.nativempi;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a rank that waits for messages sleeps, and is woken. MPI itself can only wait by burning a
 * processor. So each rank has a socket for datagrams, its door; a sender rings there when the
 * receiver may be asleep. A datagram that is lost costs a moment, since no rank sleeps for long;
 * one that a stranger sends costs a look.
 *
 * <p>The sockets are C's, since Java's close when a thread that uses them is interrupted. On one
 * host they listen on loopback alone.
 */
final class Doors {

  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int POLLIN = 1;
  private static final boolean MAC = System.getProperty("os.name").startsWith("Mac");
  private static final int MSG_DONTWAIT = MAC ? 0x80 : 0x40;
  private static final int ADDRESS_BYTES = 16;
  private static final int LOOPBACK = 0x7f000001;

  /** In what each rank tells the others: a number for its host, its address there, its port. */
  private static final int CARD_BYTES = 16;

  /** The longest sleep of a rank that is not rung: on one host no ring is lost. */
  private static final int MILLIS_ON_ONE_HOST = 100;

  private static final int MILLIS_ELSEWHERE = 5;
  private static final int MILLIS_WITHOUT_DOOR = 1;

  private static final MethodHandle SENDTO = libc("sendto", "pppipi");
  private static final MethodHandle RECV = libc("recv", "pppi");
  private static final MethodHandle POLL = libc("poll", "ppi");

  private final int rank;
  private final long door;
  private final boolean oneHost;

  /** A struct sockaddr_in for each rank; port 0 where there is no door. */
  private final MemorySegment addresses;

  private final MemorySegment pollfd = Arena.global().allocate(8, 8);
  private final MemorySegment letter = Arena.global().allocate(8, 8);
  private volatile boolean asleep;

  /** Opens this rank's door and learns of the others'. Collective. */
  Doors(int rank, int size) {
    this.rank = rank;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment card = arena.allocate(CARD_BYTES, 8);
      MemorySegment cards = arena.allocate((long) size * CARD_BYTES, 8);
      card.set(ValueLayout.JAVA_LONG, 0, host());
      MpiCalls.allGather(card, cards);
      this.oneHost = hosts(cards, size) == 1;
      this.door = libc("socket", "iii", AF_INET, SOCK_DGRAM, 0);
      card.set(ValueLayout.JAVA_INT, 8, oneHost ? LOOPBACK : ownAddress());
      card.set(ValueLayout.JAVA_INT, 12, door < 0 ? 0 : bind(arena, oneHost ? LOOPBACK : 0));
      MpiCalls.allGather(card, cards);
      this.addresses = Arena.global().allocate((long) size * ADDRESS_BYTES, 8);
      for (int i = 0; i < size; i++) {
        long at = (long) i * CARD_BYTES;
        boolean here = cards.get(ValueLayout.JAVA_LONG, at) == card.get(ValueLayout.JAVA_LONG, 0);
        int address = here ? LOOPBACK : cards.get(ValueLayout.JAVA_INT, at + 8);
        int port = cards.get(ValueLayout.JAVA_INT, at + 12);
        putAddress(addresses, i * ADDRESS_BYTES, address, address == 0 ? 0 : port);
      }
    }
    pollfd.set(ValueLayout.JAVA_INT, 0, (int) door);
    pollfd.set(ValueLayout.JAVA_SHORT, 4, (short) POLLIN);
  }

  private static MethodHandle libc(String name, String shape) {
    return Downcalls.link(Downcalls.LIBC, name, shape);
  }

  /** Rings at another rank's door. */
  void ring(int other) {
    long address = addresses.address() + (long) other * ADDRESS_BYTES;
    if (addresses.get(ValueLayout.JAVA_SHORT, (long) other * ADDRESS_BYTES + 2) != 0) {
      try {
        int ignored =
            (int)
                SENDTO.invokeExact(
                    door, letter.address(), 1L, MSG_DONTWAIT, address, ADDRESS_BYTES);
      } catch (Throwable e) {
        throw Downcalls.unexpected(e);
      }
    }
  }

  /**
   * Whether a rank's process has ended. Its socket is closed then: the first datagram over loopback
   * is refused, and sending the second one reports that.
   *
   * @return false also for a rank on another host
   */
  boolean isClosed(int other) {
    long at = (long) other * ADDRESS_BYTES;
    if (addresses.get(ValueLayout.JAVA_SHORT, at + 2) == 0
        || addresses.get(ValueLayout.JAVA_INT, at + 4) != Integer.reverseBytes(LOOPBACK)) {
      return false;
    }
    int socket = libc("socket", "iii", AF_INET, SOCK_DGRAM, 0);
    try {
      return libc("connect", "ipi", socket, addresses.address() + at, ADDRESS_BYTES) == 0
          && libc("send", "ippi", socket, letter.address(), 1L, MSG_DONTWAIT) == 1
          && libc("send", "ippi", socket, letter.address(), 1L, MSG_DONTWAIT) < 0;
    } finally {
      libc("close", "i", socket);
    }
  }

  private static int libc(String name, String shape, Object... arguments) {
    return Downcalls.call(Downcalls.LIBC, name, shape, arguments);
  }

  /** Wakes the thread of this rank that sleeps, if one does. */
  void wake() {
    if (asleep) {
      ring(rank);
    }
  }

  /**
   * Tells that this thread is about to sleep. What it waits for must be looked for once more
   * afterwards, before it sleeps.
   */
  void announceSleep() {
    asleep = true;
  }

  /** The opposite of {@link #announceSleep}. */
  void stayAwake() {
    asleep = false;
  }

  /**
   * Sleeps until the door rings, but not for long.
   *
   * @param nanos how long at most
   * @return whether it rang
   */
  boolean sleep(long nanos) {
    int limit = door < 0 ? MILLIS_WITHOUT_DOOR : oneHost ? MILLIS_ON_ONE_HOST : MILLIS_ELSEWHERE;
    int millis = (int) Math.min(limit, nanos / 1_000_000 + 1);
    try {
      int rings = (int) POLL.invokeExact(pollfd.address(), door < 0 ? 0L : 1L, millis);
      return rings > 0 && opened();
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      asleep = false;
    }
  }

  /** Takes the datagrams that have come. */
  private boolean opened() throws Throwable {
    while (true) {
      int bytes = (int) RECV.invokeExact(door, letter.address(), 1L, MSG_DONTWAIT);
      if (bytes < 0) {
        return true;
      }
    }
  }

  private int bind(Arena arena, int address) {
    MemorySegment name = arena.allocate(ADDRESS_BYTES, 8);
    MemorySegment length = arena.allocate(ValueLayout.JAVA_INT);
    length.set(ValueLayout.JAVA_INT, 0, ADDRESS_BYTES);
    putAddress(name, 0, address, 0);
    if (libc("bind", "ipi", (int) door, name.address(), ADDRESS_BYTES) != 0
        || libc("getsockname", "ipp", (int) door, name.address(), length.address()) != 0) {
      return 0;
    }
    return Short.toUnsignedInt(Short.reverseBytes(name.get(ValueLayout.JAVA_SHORT, 2)));
  }

  private static void putAddress(MemorySegment place, long at, int address, int port) {
    if (MAC) {
      place.set(ValueLayout.JAVA_BYTE, at, (byte) ADDRESS_BYTES);
      place.set(ValueLayout.JAVA_BYTE, at + 1, (byte) AF_INET);
    } else {
      place.set(ValueLayout.JAVA_SHORT, at, (short) AF_INET);
    }
    place.set(ValueLayout.JAVA_SHORT, at + 2, Short.reverseBytes((short) port));
    place.set(ValueLayout.JAVA_INT, at + 4, Integer.reverseBytes(address));
  }

  private static long hosts(MemorySegment cards, int size) {
    return java.util.stream.LongStream.range(0, size)
        .map(i -> cards.get(ValueLayout.JAVA_LONG, i * CARD_BYTES))
        .distinct()
        .count();
  }

  /** A number that ranks have in common if they reach each other by loopback. */
  private static long host() {
    try {
      String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id"));
      String network = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
      return hash(boot + network);
    } catch (IOException e) { // not on Linux
      return hash(hostName());
    }
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().toString();
    } catch (UnknownHostException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static long hash(String text) {
    return java.nio.ByteBuffer.wrap(
            java.util
                .UUID
                .nameUUIDFromBytes(text.getBytes(StandardCharsets.UTF_8))
                .toString()
                .getBytes(StandardCharsets.US_ASCII))
        .getLong();
  }

  /** 0 if this host has no address for others. */
  private static int ownAddress() {
    try {
      InetAddress own = InetAddress.getLocalHost();
      return own instanceof Inet4Address && !own.isLoopbackAddress()
          ? java.nio.ByteBuffer.wrap(own.getAddress()).getInt()
          : 0;
    } catch (UnknownHostException e) {
      return 0;
    }
  }
}
