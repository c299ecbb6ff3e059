package dev.mpipool.transport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A random walk over a transport, any of them: several threads of each rank send messages of all
 * lengths to all other ranks, while direct messages, where there are any, go to and fro; every byte
 * and the order are looked at. Both sides draw the same messages from the same number.
 *
 * <p>Rank by rank: {@code new TransportWalk(transport, seed).run()}.
 */
public final class TransportWalk {

  private static final int THREADS = 4;
  private static final int MESSAGES = 60;
  private static final int DIRECT_MESSAGES = 12;
  private static final int LONGEST = 64 << 20;

  /** Limits of what transports do in one piece, and some bytes more or less. */
  private static final int[] LIMITS = {
    0, 64, 1 << 10, 4 << 10, 32 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20
  };

  private static final long PATIENCE_SECONDS = 240;
  private static final long DONE = Long.MIN_VALUE;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** What one thread of one rank sends to one other. */
  private record Stream(int source, int destination, int thread) {

    long context() {
      return 0x1234567890L * (thread + 1) * (thread % 2 == 0 ? 1 : -1);
    }
  }

  private final Transport transport;
  private final long seed;
  private final int rank;
  private final int size;

  /** How many messages of each context have come from each rank. */
  private final Map<Stream, Integer> received = new HashMap<>();

  private final Map<Long, Integer> threads = new HashMap<>();
  private final AtomicLong open = new AtomicLong();
  private volatile Throwable failure;
  private long bytes;
  private int doneRanks;

  /** A walk of a rank that has not been started yet. */
  public TransportWalk(Transport transport, long seed) {
    this.transport = transport;
    this.seed = seed;
    this.rank = transport.rank();
    this.size = transport.size();
    for (int thread = 0; thread < THREADS; thread++) {
      threads.put(new Stream(0, 0, thread).context(), thread);
    }
  }

  /** Returns how many bytes have come; throws whatever was wrong. */
  public long run() throws Exception {
    transport.start(new Judge());
    open.set((long) (size - 1) * THREADS * MESSAGES);
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      int number = thread;
      parts.add(started("walk-sender-" + thread, () -> sendAll(number)));
    }
    boolean direct = transport.isDirect();
    if (direct) {
      parts.add(started("walk-direct-sender", this::sendDirectAll));
    }
    for (int source = 0; source < size; source++) {
      if (source != rank && direct) {
        int from = source;
        parts.add(started("walk-direct-receiver-" + source, () -> receiveDirectAll(from)));
      }
    }
    CompletableFuture<Void> poller = started("walk-poller", this::pollAll);
    for (CompletableFuture<Void> part : parts) {
      await(part);
    }
    for (int other = 0; other < size; other++) {
      if (other != rank) {
        transport.send(other, DONE, 0, NOTHING, NOTHING);
      }
    }
    await(poller);
    checkWake();
    return bytes;
  }

  private void await(CompletableFuture<Void> part) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      if (failure != null) {
        throw new AssertionError("Rank " + rank + ", seed " + seed, failure);
      }
      try {
        part.get(50, TimeUnit.MILLISECONDS);
        return;
      } catch (TimeoutException e) {
        if (System.nanoTime() > end) {
          throw new AssertionError(
              "Rank %d, seed %d: %d messages are missing".formatted(rank, seed, open.get()), e);
        }
      } catch (ExecutionException e) {
        throw new AssertionError("Rank " + rank + ", seed " + seed, e.getCause());
      }
    }
  }

  /** Has a body run by a daemon thread. */
  private static CompletableFuture<Void> started(String name, Runnable body) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                body.run();
                end.complete(null);
              } catch (Throwable e) {
                end.completeExceptionally(e);
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return end;
  }

  private void pollAll() {
    SplittableRandom random = new SplittableRandom(seed ^ rank);
    while (open.get() > 0 || doneRanks < size - 1) {
      transport.poll(random.nextInt(3) == 0 ? 0 : random.nextLong(50_000_000));
    }
  }

  /** A thread that polls comes back when another asks for it. */
  private void checkWake() throws Exception {
    CompletableFuture<Void> poll =
        started("walk-woken", () -> transport.poll(Duration.ofMinutes(10).toNanos()));
    Thread.sleep(300); // it may sleep by now, but need not
    transport.wake();
    await(poll);
  }

  private static int length(SplittableRandom random, int longest) {
    int kind = random.nextInt(100);
    if (kind == 0) {
      return random.nextInt(longest);
    }
    if (kind < 25) {
      int limit = LIMITS[random.nextInt(LIMITS.length)];
      return Math.max(0, limit - 60 + random.nextInt(80));
    }
    return random.nextInt(kind < 60 ? 100 : kind < 90 ? 5_000 : 300_000);
  }

  private SplittableRandom lengths(Stream stream) {
    return new SplittableRandom(seed + stream.hashCode());
  }

  /** The length of a message: one of all is as long as can be. */
  private int length(Stream stream, int number, SplittableRandom lengths) {
    int drawn = length(lengths, LONGEST / 4);
    boolean longest = stream.source() == 0 && stream.thread() == 0 && number == MESSAGES / 2;
    return longest && stream.destination() == 1 ? LONGEST : drawn;
  }

  private void sendAll(int thread) {
    SplittableRandom[] lengths = new SplittableRandom[size];
    for (int other = 0; other < size; other++) {
      lengths[other] = lengths(new Stream(rank, other, thread));
    }
    SplittableRandom kinds = new SplittableRandom(seed - thread - 31L * rank);
    for (int number = 0; number < MESSAGES; number++) {
      for (int i = 1; i < size; i++) {
        Stream stream = new Stream(rank, (rank + i) % size, thread);
        int length = length(stream, number, lengths[stream.destination()]);
        ByteBuffer all = buffer(kinds, length);
        fill(all, stream, number);
        int cut = kinds.nextBoolean() ? length : kinds.nextInt(length + 1);
        ByteBuffer data = all.duplicate().limit(all.position() + cut);
        ByteBuffer attachment = all.duplicate().position(all.position() + cut);
        ByteBuffer readOnly = kinds.nextInt(4) == 0 ? data.asReadOnlyBuffer() : data;
        transport.send(stream.destination(), stream.context(), number, readOnly, attachment);
        if (readOnly.remaining() != cut || attachment.remaining() != length - cut) {
          throw new AssertionError("A buffer has moved");
        }
      }
      if (kinds.nextInt(20) == 0) {
        pause(kinds.nextInt(30));
      }
    }
  }

  private static void pause(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Room for so many bytes, somewhere in a buffer of some kind. */
  private static ByteBuffer buffer(SplittableRandom kinds, int length) {
    int before = kinds.nextInt(3) * 7;
    ByteBuffer buffer =
        switch (kinds.nextInt(4)) {
          case 0 -> ByteBuffer.allocateDirect(before + length);
          case 1 -> ByteBuffer.allocate(before + length + 5).slice(2, before + length);
          default -> ByteBuffer.allocate(before + length);
        };
    return buffer.position(before).limit(before + length);
  }

  /** The bytes of a message, of which no two messages have the same. */
  private static final class Pattern {
    private long state;

    Pattern(Stream stream, int number) {
      state = 31L * stream.hashCode() + 1_000_003L * number;
    }

    long next() {
      state = state * 6364136223846793005L + 1442695040888963407L;
      return state;
    }
  }

  private static void fill(ByteBuffer place, Stream stream, int number) {
    ByteBuffer out = place.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    Pattern pattern = new Pattern(stream, number);
    while (out.remaining() >= Long.BYTES) {
      out.putLong(pattern.next());
    }
    for (long rest = pattern.next(); out.hasRemaining(); rest >>= 8) {
      out.put((byte) rest);
    }
  }

  private static void check(Pattern pattern, ByteBuffer data, String what) {
    ByteBuffer in = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    while (in.remaining() >= Long.BYTES) {
      int at = in.position();
      if (in.getLong() != pattern.next()) {
        throw new AssertionError(what + ": other bytes at " + at);
      }
    }
    for (long rest = pattern.next(); in.hasRemaining(); rest >>= 8) {
      if (in.get() != (byte) rest) {
        throw new AssertionError(what + ": other bytes at the end");
      }
    }
  }

  /** Looks at what arrives. */
  private final class Judge implements Receiver {

    @Override
    public void received(
        int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {
      try {
        judge(source, context, tag, data, attachment, missing);
      } catch (Throwable e) {
        failure = e;
      }
    }

    private void judge(
        int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {
      if (context == DONE) {
        doneRanks++;
        return;
      }
      Stream stream = new Stream(source, rank, threads.get(context));
      int expected = received.merge(stream, 1, Integer::sum) - 1;
      String what = "Message %d of %s".formatted(tag, stream);
      if (tag != expected) {
        throw new AssertionError("%s comes after message %d".formatted(what, expected - 1));
      }
      SplittableRandom lengths = lengths(stream);
      int length = 0;
      for (int number = 0; number <= tag; number++) {
        length = length(stream, number, lengths);
      }
      int come = data.remaining() + (attachment == null ? 0 : attachment.length);
      if (come != length || missing != 0 || !data.hasArray()) {
        throw new AssertionError(
            "%s has %d bytes and not %d, %d missing".formatted(what, come, length, missing));
      }
      ByteBuffer whole = data;
      if (attachment != null) {
        whole = ByteBuffer.allocate(length).put(data.duplicate()).put(attachment).flip();
      }
      check(new Pattern(stream, tag), whole, what);
      bytes += length;
      open.decrementAndGet();
    }

    @Override
    public void broken(String reason) {
      failure = new IllegalStateException(reason);
    }
  }

  private Stream direct(int source, int destination) {
    return new Stream(source, destination, THREADS);
  }

  private void sendDirectAll() {
    SplittableRandom[] lengths = new SplittableRandom[size];
    for (int other = 0; other < size; other++) {
      lengths[other] = lengths(direct(rank, other));
    }
    SplittableRandom kinds = new SplittableRandom(seed + 7L * rank);
    for (int number = 0; number < DIRECT_MESSAGES; number++) {
      for (int i = 1; i < size; i++) {
        Stream stream = direct(rank, (rank + i) % size);
        ByteBuffer message = place(kinds, length(lengths[stream.destination()], LONGEST / 8));
        fill(message, stream, number);
        transport.sendDirect(stream.destination(), 5 + number % 2, number, message);
      }
    }
  }

  private void receiveDirectAll(int source) {
    Stream stream = direct(source, rank);
    SplittableRandom lengths = lengths(stream);
    SplittableRandom kinds = new SplittableRandom(seed + 11L * rank + source);
    for (int number = 0; number < DIRECT_MESSAGES; number++) {
      int length = length(lengths, LONGEST / 8);
      ByteBuffer place = place(kinds, length + kinds.nextInt(2) * 100);
      int come = transport.receiveDirect(source, 5 + number % 2, number, place);
      if (come != length) {
        throw new AssertionError(
            "Direct message %d of %s has %d bytes and not %d"
                .formatted(number, stream, come, length));
      }
      ByteBuffer message = place.duplicate().limit(place.position() + length);
      check(
          new Pattern(stream, number),
          message,
          "Direct message %d of %s".formatted(number, stream));
    }
  }

  /** As {@link #buffer}, or a file that is mapped. */
  private static ByteBuffer place(SplittableRandom kinds, int length) {
    if (kinds.nextInt(3) > 0 || length == 0) {
      return buffer(kinds, length);
    }
    try {
      Path file = Files.createTempFile("mpipool-walk", null);
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, length);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
