package dev.mpipool.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.atomic.AtomicLong;

/** Carries one rank's output to a sink, in whole lines and as the bytes they are. */
final class LinePump extends Thread {
  private static final int SILENCE = 500;

  private final InputStream from;
  private final LineSink to;
  private final Lines lines;
  private final AtomicLong chunks = new AtomicLong();
  private volatile boolean writing;

  LinePump(String name, InputStream from, LineSink to, byte[] tag) {
    super(name);
    setDaemon(true);
    this.from = from;
    this.to = to;
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
        to.write(this, lines.takeWhole());
        writing = false;
      }
    } catch (IOException e) {
      // The rank was ended while it wrote.
    }
    writing = true;
    to.write(this, lines.takeAll());
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
