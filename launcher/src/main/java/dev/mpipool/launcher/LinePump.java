package dev.mpipool.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** Carries one rank's output to a sink, in whole lines and as the bytes they are. */
final class LinePump extends Thread {
  private static final int SILENCE = 500;

  /** Bytes at the end of the output that {@link #lastLine} looks at. */
  private static final int TAIL = 1 << 10;

  /** What the command java says last, whatever the reason was. */
  private static final String UNINFORMATIVE = "Error: (Could not create the|A fatal exception).*";

  private final InputStream from;
  private final LineSink to;
  private final UnaryOperator<byte[]> filter;
  private final Lines lines;
  private final AtomicLong chunks = new AtomicLong();
  private volatile boolean writing;
  private volatile byte[] tail = {};

  /** Whole lines go through the filter on their way. */
  LinePump(String name, InputStream from, LineSink to, byte[] tag, UnaryOperator<byte[]> filter) {
    super(name);
    setDaemon(true);
    this.from = from;
    this.to = to;
    this.filter = filter;
    this.lines = new Lines(tag);
  }

  @Override
  public void run() {
    byte[] chunk = new byte[1 << 16];
    try (from) {
      for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
        writing = true;
        chunks.incrementAndGet();
        lines.add(chunk, 0, n);
        tail = tail(chunk, n);
        to.write(this, filter.apply(lines.takeWhole()));
        writing = false;
      }
    } catch (IOException e) {
      // The rank was ended while it wrote.
    }
    writing = true;
    to.write(this, filter.apply(lines.takeAll()));
  }

  /** The last line so far that says something. */
  Optional<String> lastLine() {
    return new String(tail, Charset.defaultCharset())
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty() && !line.matches(UNINFORMATIVE))
        .reduce((before, last) -> last);
  }

  private byte[] tail(byte[] chunk, int n) {
    int kept = Math.min(tail.length, Math.max(0, TAIL - n));
    int added = Math.min(n, TAIL);
    byte[] next = Arrays.copyOfRange(tail, tail.length - kept, tail.length + added);
    System.arraycopy(chunk, n - added, next, kept, added);
    return next;
  }

  /**
   * Waits until everything has arrived that an ended process wrote: to the end of the stream, or,
   * where a process that it left behind holds the stream open, until nothing more comes.
   */
  void drained() throws InterruptedException {
    long before;
    do {
      before = chunks.get();
      join(SILENCE);
    } while (isAlive() && (writing || chunks.get() != before));
  }
}
